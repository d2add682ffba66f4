import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError, type Violation } from '../../kernel/errors.ts';
import type { FromJudge, ToJudge } from './judge-thread.ts';
import { judgeLimits } from './limits.ts';

/** Judges schemas and documents in a thread of its own, one after the other. What takes too long, or too much memory, is refused. */
export interface Judge {
  /** What is wrong with a schema; empty = fit. */
  schema(schema: string): Promise<readonly Violation[]>;
  /** What is wrong with a document by this schema; empty = fit. */
  document(schema: string, document: string): Promise<readonly Violation[]>;
  stop(): Promise<void>;
}

/** A thread that nobody asks for so long is ended; the next question starts one. */
const idleMs = 60_000;
/** A new thread loads the validator first. */
const startMs = 20_000;

export function createJudge(clock: Clock, limitMs: number = judgeLimits.judgementMs): Judge {
  let thread: Thread | undefined;
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let lastN = 0;
  let stopIdling = (): void => {};
  let stopped = false;
  const end = async (): Promise<void> => {
    const old = thread;
    thread = undefined;
    await old?.end();
  };
  const ask = async (question: Omit<ToJudge, 'n'>): Promise<readonly Violation[]> => {
    stopIdling();
    if (stopped) throw new AgentError('SHUTTING_DOWN', 'the agent is stopping');
    if (!thread?.alive()) thread = startThread();
    const answer = await thread.ask({ n: ++lastN, ...question }, { clock, limitMs });
    if ('rule' in answer) await end();
    stopIdling = clock.after(idleMs, () => void (waiting === 0 && end()));
    if (!('rule' in answer)) return answer;
    const what =
      question.document === undefined
        ? ({ field: 'config_schema', name: 'schema' } as const)
        : ({ field: 'config', name: 'document' } as const);
    return [{ field: what.field, rule: answer.rule, message: `the ${what.name} could not be judged: ${answer.message}` }];
  };
  const inLine = async (question: Omit<ToJudge, 'n'>): Promise<readonly Violation[]> => {
    if (waiting >= judgeLimits.judgementsWaiting) {
      throw new AgentError('INGEST_OVERLOADED', `${waiting} documents wait to be judged already`, { retryAfterMs: 1000 });
    }
    waiting++;
    const mine = tail.then(() => ask(question));
    tail = mine.catch(() => {});
    return mine.finally(() => waiting--);
  };
  return {
    schema: (schema) => inLine({ schema }),
    document: (schema, document) => inLine({ schema, document }),
    async stop() {
      stopped = true;
      stopIdling();
      await end();
      await tail;
    },
  };
}

/** Why there is no judgement. */
interface Failure {
  readonly rule: 'time_limit' | 'memory_limit' | 'thread';
  readonly message: string;
}

interface Thread {
  alive(): boolean;
  /** Counts the time from when the thread is ready, and of it what the thread computes: on a busy machine a good document is judged late, not refused. */
  ask(question: ToJudge, time: { readonly clock: Clock; readonly limitMs: number }): Promise<readonly Violation[] | Failure>;
  end(): Promise<void>;
}

function startThread(): Thread {
  const worker = new Worker(new URL('./judge-thread.ts', import.meta.url), {
    name: 'plugin-judge',
    resourceLimits: { maxOldGenerationSizeMb: judgeLimits.judgementMiB, maxYoungGenerationSizeMb: 8 },
  });
  // It keeps the program alive only while it is asked.
  worker.unref();
  const ready = Promise.withResolvers<undefined>();
  const dead = Promise.withResolvers<Failure>();
  const answers = new Map<number, (violations: readonly Violation[]) => void>();
  let alive = true;
  let failure: Failure = { rule: 'thread', message: 'the thread that judges ended' };
  let tid: number | undefined;
  worker.on('message', ({ n, violations, thread }: FromJudge) => {
    tid = thread ?? tid;
    if (n === 0) ready.resolve(undefined);
    answers.get(n)?.(violations);
  });
  worker.on('error', (error: NodeJS.ErrnoException) => {
    failure =
      error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? { rule: 'memory_limit', message: `it takes more than ${judgeLimits.judgementMiB} MiB` }
        : { rule: 'thread', message: `the thread that judges ended (${error.code ?? error.name})` };
  });
  worker.on('exit', () => {
    alive = false;
    dead.resolve(failure);
  });
  return {
    alive: () => alive,
    async ask(question, { clock, limitMs }) {
      worker.ref();
      const answer = Promise.withResolvers<readonly Violation[]>();
      answers.set(question.n, answer.resolve);
      worker.postMessage(question);
      try {
        const slow = await within(Promise.race([ready.promise, dead.promise]), { clock, ms: startMs });
        return slow ?? (await within(Promise.race([answer.promise, dead.promise]), { clock, ms: limitMs, spentMs: () => cpuMsOf(tid) }));
      } finally {
        answers.delete(question.n);
        worker.unref();
      }
    },
    async end() {
      await worker.terminate();
    },
  };
}

/** What a thread of this process has computed, in ms (in steps of 10); undefined where that cannot be told. */
function cpuMsOf(tid: number | undefined): number | undefined {
  try {
    // utime and stime of proc_pid_stat(5), counted after the name, which may have anything in it.
    const fields = readFileSync(`/proc/self/task/${tid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    return tid === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return undefined;
  }
}

/** Of a thread that gets no processor, so many times the limit is waited all the same. */
const mostPatience = 20;

interface Limit {
  readonly clock: Clock;
  readonly ms: number;
  /** What has been used of it; absent: the time on the wall counts. */
  readonly spentMs?: () => number | undefined;
}

async function within<T>(promise: Promise<T>, { clock, ms, spentMs = () => undefined }: Limit): Promise<T | Failure> {
  const late = Promise.withResolvers<Failure>();
  const before = spentMs();
  const began = clock.monotonicMs();
  let stop = (): void => {};
  const checkTime = (): void => {
    const now = spentMs();
    const left = before === undefined || now === undefined ? 0 : ms - (now - before);
    if (left < 10 || clock.monotonicMs() - began >= ms * mostPatience) {
      late.resolve({ rule: 'time_limit', message: `it takes longer than ${ms} ms` });
    } else stop = clock.after(left, checkTime);
  };
  stop = clock.after(ms, checkTime);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    stop();
  }
}
