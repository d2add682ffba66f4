import type { Worker } from 'node:worker_threads';
import { AgentError, RefusedError } from '../kernel/errors.ts';
import { bootThread } from './boot-thread.ts';
import { type Call, type FromWorker, type Result, type ToWorker, type Trouble, toError, type WorkerOptions } from './messages.ts';

/** One thread as the store sees it: calls in, results out, and word of its end. */
export interface WorkerClient {
  readonly quarantined: string | undefined;
  /** Calls and records that have no answer yet. */
  readonly waiting: () => { readonly calls: number; readonly records: number };
  call(call: Omit<Call, 'n'>): Promise<unknown>;
  probe(): void;
  /** Asks the thread to give back the memory that it holds and does not use. */
  collect(): void;
  /** Answers what was asked before, then ends. Idempotent. */
  stop(): Promise<void>;
}

interface Pending {
  readonly records: number;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export interface WorkerEvents {
  readonly onTrouble: (trouble: Trouble | undefined) => void;
  /** The thread ended although nobody asked it to; its calls were rejected. */
  readonly onDeath: (cause: string) => void;
}

/**
 * Starts a thread, or takes one that booted without options, and waits until it has opened the database. Throws RefusedError when it cannot.
 */
export async function startWorker(options: WorkerOptions, events: WorkerEvents, booted?: Worker): Promise<WorkerClient> {
  const worker = takeBooted(booted, options) ?? bootThread(options.role, options);
  const pending = new Map<number, Pending>();
  const ready = Promise.withResolvers<string | undefined>();
  const exited = Promise.withResolvers<void>();
  let cause = 'it ended';
  let stopping = false;
  let opened = false;
  worker.on('message', (message: FromWorker) => {
    if (message.kind === 'results') settle(pending, message.results);
    else if (message.kind === 'trouble') events.onTrouble(message.trouble);
    else if (message.kind === 'refused') ready.reject(new RefusedError(message.message));
    else ready.resolve(message.quarantined);
  });
  worker.on('error', (error: unknown) => {
    cause = error instanceof Error ? error.message : String(error);
  });
  worker.on('exit', () => {
    const error = new AgentError('JOURNAL_UNAVAILABLE', `the ${options.role} of the store ended: ${cause}`, { retryAfterMs: 1000 });
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
    exited.resolve();
    ready.reject(error);
    if (opened && !stopping) events.onDeath(cause);
  });
  const quarantined = await ready.promise;
  opened = true;
  const outbox = createOutbox(worker, pending);
  return {
    quarantined,
    waiting: outbox.waiting,
    call: outbox.call,
    probe: () => worker.postMessage({ kind: 'probe' } satisfies ToWorker),
    collect: () => worker.postMessage({ kind: 'collect' } satisfies ToWorker),
    stop() {
      if (!stopping) outbox.end();
      stopping = true;
      return exited.promise;
    },
  };
}

/** undefined where there is none, or it has ended. */
function takeBooted(booted: Worker | undefined, options: WorkerOptions): Worker | undefined {
  if (booted === undefined || booted.threadId < 0) return undefined;
  booted.postMessage(options);
  return booted;
}

/** Gathers the calls of one callback of the event loop, with the promises that it settles, into one message: they then lie in one group. */
function createOutbox(worker: Worker, pending: Map<number, Pending>): Pick<WorkerClient, 'call' | 'waiting'> & { end(): void } {
  let lastCall = 0;
  let waitingRecords = 0;
  let outbox: Call[] = [];
  let ended = false;
  const flush = (): void => {
    if (outbox.length === 0) return;
    const calls = outbox;
    outbox = [];
    worker.postMessage({ kind: 'calls', calls } satisfies ToWorker);
  };
  return {
    waiting: () => ({ calls: pending.size, records: waitingRecords }),
    call(call) {
      if (ended) return Promise.reject(new AgentError('JOURNAL_UNAVAILABLE', 'the store is closed'));
      return new Promise((resolve, reject) => {
        const n = ++lastCall;
        const done = (): void => {
          waitingRecords -= call.records;
        };
        waitingRecords += call.records;
        pending.set(n, {
          records: call.records,
          resolve(value) {
            done();
            resolve(value);
          },
          reject(error) {
            done();
            reject(error);
          },
        });
        // Not a turn later: who writes alone waits for its commit anyway, and what comes while the thread is busy it takes together.
        if (outbox.length === 0) process.nextTick(flush);
        outbox.push({ n, ...call });
      });
    },
    end() {
      ended = true;
      flush();
      worker.postMessage({ kind: 'stop' } satisfies ToWorker);
    },
  };
}

function settle(pending: Map<number, Pending>, results: readonly Result[]): void {
  for (const result of results) {
    const call = pending.get(result.n);
    pending.delete(result.n);
    if ('failure' in result) call?.reject(toError(result.failure));
    else call?.resolve(result.value);
  }
}
