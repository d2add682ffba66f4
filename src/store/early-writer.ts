import type { Worker } from 'node:worker_threads';
import type { Trouble, WorkerOptions } from './messages.ts';
import { startWorker, type WorkerClient, type WorkerEvents } from './worker-client.ts';

/** A writing thread that boots and opens the database while the rest of the agent is being loaded. */
export interface EarlyWriter {
  /** Hands the thread over, once; undefined where it ended meanwhile. Throws RefusedError as `startWorker` does. */
  take(events: WorkerEvents): Promise<WorkerClient | undefined>;
}

/** `booted`: a thread of that role that waits for its options. */
export function startWriterEarly(options: Omit<WorkerOptions, 'role' | 'check'>, booted?: Worker): EarlyWriter {
  let owner: WorkerEvents | undefined;
  let trouble: Trouble | undefined;
  let ended = false;
  const started = startWorker(
    { ...options, role: 'writer', check: true },
    {
      onTrouble(now) {
        trouble = now;
        owner?.onTrouble(now);
      },
      onDeath(cause) {
        ended = true;
        owner?.onDeath(cause);
      },
    },
    booted,
  );
  // Who takes it hears of it; until then nobody waits.
  started.catch(() => {});
  return {
    async take(events) {
      const client = await started;
      if (ended) return undefined;
      owner = events;
      if (trouble !== undefined) events.onTrouble(trouble);
      return client;
    },
  };
}
