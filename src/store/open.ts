import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Logger, Metrics } from '../telemetry/types.ts';
import { type Ageing, type Boot, openAgeing, systemBoot } from './ageing.ts';
import { createHealth } from './health.ts';
import type { WorkerOptions } from './messages.ts';
import { retryAfterMs } from './messages.ts';
import type { Args, Store } from './types.ts';
import { startWorker, type WorkerClient, type WorkerEvents } from './worker-client.ts';

export interface StoreOptions {
  /** The database file; its directory is made when it is missing. */
  readonly path: string;
  /** `full`: what was committed survives a loss of power; `relaxed`: the end of the agent. */
  readonly durability: 'full' | 'relaxed';
  /** Room -> module that exports `procedures` (ProcedureModule). */
  readonly modules: Readonly<Record<string, URL>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Default: that of the machine. */
  readonly boot?: Boot;
}

export interface OpenStore extends Store {
  readonly ageing: Ageing;
}

/** Above these a write is refused with INGEST_OVERLOADED, a read with JOURNAL_UNAVAILABLE. */
const limits = { calls: 4096, records: 32_768, reads: 4096 } as const;
const probeEveryMs = 1000;

/** Opens the database; a damaged one is moved aside and told in `health`. Throws RefusedError when there can be none. */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const { path, durability, clock, logger } = options;
  const modules = Object.fromEntries(Object.entries({ ...options.modules, ...ownModules() }).map(([room, url]) => [room, url.href]));
  const health = createHealth(options);
  const start = (role: WorkerOptions['role'], check: boolean, events: WorkerEvents): Promise<WorkerClient> =>
    startWorker({ role, path, durability, modules, check }, events);
  const writer = await keepAlive((events, first) => start('writer', first, events), { name: 'writer', clock, logger, health });
  const { quarantined } = writer.client();
  if (quarantined !== undefined) health.quarantined(quarantined);
  const reader = await keepAlive((events) => start('reader', false, events), { name: 'reader', clock, logger, health }).catch(
    async (error) => {
      await writer.stop();
      throw error;
    },
  );
  const stopProbing = clock.every(probeEveryMs, () => health.troubled() && writer.alive() && writer.client().probe());
  let ageing: (Ageing & { stop(): void }) | undefined;
  const store = {
    async write<T>(room: string, name: string, args: Args, records = 1): Promise<T> {
      const { calls, records: waiting } = writer.client().waiting();
      if (calls >= limits.calls || (calls > 0 && waiting + records > limits.records)) {
        throw new AgentError('INGEST_OVERLOADED', `${waiting} records wait for the disk already`, { retryAfterMs: 250 });
      }
      return (await writer.client().call({ room, name, args, records })) as T;
    },
    async read<T>(room: string, name: string, args: Args): Promise<T> {
      if (reader.client().waiting().calls >= limits.reads) {
        throw new AgentError('JOURNAL_UNAVAILABLE', 'too many reads wait already', { retryAfterMs });
      }
      return (await reader.client().call({ room, name, args, records: 1 })) as T;
    },
    health: health.current,
    onHealth: health.onChange,
    async stop(): Promise<void> {
      stopProbing();
      ageing?.stop();
      await reader.stop();
      await writer.stop();
    },
  };
  try {
    ageing = await openAgeing(store, clock, options.boot ?? systemBoot(clock));
  } catch (error) {
    await store.stop();
    throw error;
  }
  return { ...store, ageing };
}

/** What the store itself keeps in the database. */
function ownModules(): Readonly<Record<string, URL>> {
  return {
    ageing: new URL('./ageing-procedures.ts', import.meta.url),
    metric_history: new URL('./metric-history-procedures.ts', import.meta.url),
    requests: new URL('./request-procedures.ts', import.meta.url),
  };
}

interface Keeper {
  /** The running thread; throws JOURNAL_UNAVAILABLE while there is none. */
  client(): WorkerClient;
  alive(): boolean;
  stop(): Promise<void>;
}

interface KeeperContext {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly health: ReturnType<typeof createHealth>;
}

/** Starts a thread again, a second after it died, as often as it takes; `health` is UNHEALTHY meanwhile. */
async function keepAlive(
  start: (events: WorkerEvents, first: boolean) => Promise<WorkerClient>,
  { name, clock, logger, health }: KeeperContext,
): Promise<Keeper> {
  let client: WorkerClient | undefined;
  let stopped = false;
  let cancel = (): void => {};
  const later = (cause: string): void => {
    client = undefined;
    health.dead(name, cause);
    logger.error({ thread: name, cause }, 'a thread of the store ended; it is started again');
    if (!stopped) cancel = clock.after(retryAfterMs, () => void again());
  };
  const events: WorkerEvents = { onTrouble: health.trouble, onDeath: later };
  const again = async (): Promise<void> => {
    try {
      const fresh = await start(events, false);
      if (stopped) return void (await fresh.stop());
      client = fresh;
      if (name === 'writer') health.trouble(undefined);
      health.alive(name);
    } catch (error) {
      later(error instanceof Error ? error.message : String(error));
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
