import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Logger, Metrics } from '../telemetry/types.ts';
import { type Ageing, type Boot, openAgeing, systemBoot } from './ageing.ts';
import type { EarlyWriter } from './early-writer.ts';
import { createHealth } from './health.ts';
import { keepAlive } from './keep-alive.ts';
import { retryAfterMs, type WorkerOptions } from './messages.ts';
import { createReader } from './reader.ts';
import type { Args, Store } from './types.ts';
import { startWorker, type WorkerClient, type WorkerEvents } from './worker-client.ts';

export interface StoreOptions {
  /** The database file; its directory is made when it is missing. */
  readonly path: string;
  /** `full`: what was committed survives a loss of power; `relaxed`: the end of the agent. */
  readonly durability: 'full' | 'relaxed';
  /** Module that exports `rooms` (Procedures): the threads load it. */
  readonly procedures: URL;
  /** A writing thread for the same database that was started before; default: one is started now. */
  readonly early?: EarlyWriter | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Default: that of the machine. */
  readonly boot?: Boot;
  /** When the agent serves: until then the writer answers reads too, and there is no reader. Default: now. */
  readonly serving?: Promise<unknown>;
}

export interface OpenStore extends Store {
  readonly ageing: Ageing;
  /** Asks the writing thread, which is always there, to give back the memory that it does not use. */
  giveMemoryBack(): void;
}

/** Above these a write is refused with INGEST_OVERLOADED, a read with JOURNAL_UNAVAILABLE. */
const limits = { calls: 4096, records: 32_768, reads: 4096 } as const;
const probeEveryMs = 1000;

/** Opens the database; a damaged one is moved aside, which `health` says. Throws RefusedError when there can be none. */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const { path, durability, early, clock, logger } = options;
  const health = createHealth(options);
  const start = (role: WorkerOptions['role'], check: boolean, events: WorkerEvents): Promise<WorkerClient> =>
    startWorker({ role, path, durability, procedures: options.procedures.href, check }, events);
  const startWriter = async (events: WorkerEvents, first: boolean): Promise<WorkerClient> =>
    (first ? await early?.take(events) : undefined) ?? start('writer', first, events);
  const writer = await keepAlive(startWriter, { name: 'writer', clock, logger, health });
  const { quarantined } = writer.client();
  if (quarantined !== undefined) health.quarantined(quarantined);
  const reader = createReader({
    start: (events) => start('reader', false, events),
    writer,
    wanted: options.serving ?? Promise.resolve(),
    clock,
    logger,
    health,
  });
  const stopProbing = clock.every(probeEveryMs, () => health.troubled() && writer.alive() && writer.client().probe());
  let ageing: (Ageing & { stop(): void }) | undefined;
  const store = {
    async write<T>(room: string, name: string, args: Args, records = 1): Promise<T> {
      const { calls, records: waiting } = writer.client().waiting();
      if (calls >= limits.calls || (calls > 0 && waiting + records > limits.records)) {
        throw new AgentError('INGEST_OVERLOADED', `${waiting} records wait for the disk already`, { retryAfterMs: 250 });
      }
      return (await writer.client().call({ kind: 'write', room, name, args, records })) as T;
    },
    async read<T>(room: string, name: string, args: Args): Promise<T> {
      const client = reader.client();
      if (client.waiting().calls >= limits.reads) {
        throw new AgentError('JOURNAL_UNAVAILABLE', 'too many reads wait already', { retryAfterMs });
      }
      return (await client.call({ kind: 'read', room, name, args, records: 1 })) as T;
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
  return { ...store, ageing, giveMemoryBack: () => writer.alive() && writer.client().collect() };
}
