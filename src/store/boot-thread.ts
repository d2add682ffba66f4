import { Worker } from 'node:worker_threads';
import type { WorkerOptions } from './messages.ts';

/**
 * Starts one of the store's threads. Without options it boots, which takes as long as Node itself, and waits for them as its first message.
 * Loaded before everything else, so it imports nothing.
 */
export function bootThread(role: WorkerOptions['role'], options?: WorkerOptions): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: options ?? null,
    name: `store-${role}`,
    // The threads hold little for long: a small nursery keeps their share of the memory small.
    resourceLimits: { maxYoungGenerationSizeMb: 6 },
  });
}
