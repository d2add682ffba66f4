import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Logger } from '../telemetry/types.ts';
import type { createHealth } from './health.ts';
import { retryAfterMs } from './messages.ts';
import type { WorkerClient, WorkerEvents } from './worker-client.ts';

export interface Keeper {
  /** The running thread; throws JOURNAL_UNAVAILABLE while there is none. */
  client(): WorkerClient;
  alive(): boolean;
  stop(): Promise<void>;
}

export interface KeeperContext {
  readonly name: 'writer' | 'reader';
  readonly clock: Clock;
  readonly logger: Logger;
  readonly health: ReturnType<typeof createHealth>;
}

/** Starts a thread, and again a second after it died, as often as it takes; `health` is UNHEALTHY meanwhile. Throws when the first start fails. */
export async function keepAlive(
  start: (events: WorkerEvents, first: boolean) => Promise<WorkerClient>,
  { name, clock, logger, health }: KeeperContext,
): Promise<Keeper> {
  let client: WorkerClient | undefined;
  let stopped = false;
  let cancel = (): void => {};
  const restartLater = (cause: string): void => {
    client = undefined;
    health.dead(name, cause);
    logger.error({ thread: name, cause }, 'a thread of the store ended; it is started again');
    if (!stopped) cancel = clock.after(retryAfterMs, () => void restart());
  };
  const events: WorkerEvents = { onTrouble: health.trouble, onDeath: restartLater };
  const restart = async (): Promise<void> => {
    try {
      const fresh = await start(events, false);
      if (stopped) return void (await fresh.stop());
      client = fresh;
      if (name === 'writer') health.trouble(undefined);
      health.alive(name);
    } catch (error) {
      restartLater(error instanceof Error ? error.message : String(error));
    }
  };
  client = await start(events, true);
  return {
    client() {
      if (client) return client;
      throw new AgentError('JOURNAL_UNAVAILABLE', `the ${name} of the store is being started again`, { retryAfterMs });
    },
    alive: () => client !== undefined,
    async stop() {
      stopped = true;
      cancel();
      await client?.stop();
    },
  };
}
