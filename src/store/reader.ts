import { type Keeper, type KeeperContext, keepAlive } from './keep-alive.ts';
import type { WorkerClient, WorkerEvents } from './worker-client.ts';

/** The thread that reads, while somebody does: it is a tenth of the agent's memory, and most agents are asked nothing for hours. */
export interface Reader {
  /** The thread that answers a read that comes now: the reader, or the writer while there is none yet. */
  client(): WorkerClient;
  stop(): Promise<void>;
}

/** Without a read for this long the thread ends. */
const idleMs = 60_000;
const checkEveryMs = 10_000;

export function createReader({
  start,
  writer,
  wanted,
  ...context
}: Omit<KeeperContext, 'name'> & {
  readonly start: (events: WorkerEvents) => Promise<WorkerClient>;
  readonly writer: Keeper;
  /** From then on a read is reason enough for the thread: those of a start are few, and the writer's. */
  readonly wanted: Promise<unknown>;
}): Reader {
  const { clock, logger } = context;
  let allowed = false;
  let stopped = false;
  let starting: Promise<void> | undefined;
  let keeper: Keeper | undefined;
  let lastMs = clock.monotonicMs();
  wanted.then(
    () => {
      allowed = true;
    },
    () => {},
  );

  const begin = async (): Promise<void> => {
    try {
      keeper = await keepAlive(start, { ...context, name: 'reader' });
    } catch (error) {
      logger.warn({ err: error }, 'the reader of the store could not be started; the writer answers meanwhile');
    } finally {
      starting = undefined;
    }
  };
  const endIfIdle = (): void => {
    if (keeper === undefined || clock.monotonicMs() - lastMs < idleMs) return;
    const idle = keeper;
    keeper = undefined;
    // It answers what it was asked before.
    idle.stop().catch((error: unknown) => logger.warn({ err: error }, 'the reader of the store did not end well'));
  };
  const stopChecking = clock.every(checkEveryMs, endIfIdle);

  return {
    client() {
      lastMs = clock.monotonicMs();
      if (keeper === undefined && allowed && !stopped) starting ??= begin();
      return keeper?.alive() === true ? keeper.client() : writer.client();
    },
    async stop() {
      stopped = true;
      stopChecking();
      await starting;
      await keeper?.stop();
    },
  };
}
