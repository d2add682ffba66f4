import type { ClientReadableStream } from '@grpc/grpc-js';
import { type Agent, type Dial, messages } from './agent.ts';
import type { Context } from './context.ts';
import { printable } from './escape.ts';
import { EXIT, Failure } from './failure.ts';
import { notReached } from './service-error.ts';

const firstDelayMs = 100;
const longestDelayMs = 2000;
const defaultAnswerMs = 30_000;

export interface Followed<T> {
  /** Opens the stream where the last message left off. */
  open(agent: Agent): ClientReadableStream<T>;
  /** Answers true where it has seen what it waited for. */
  take(message: T): Promise<boolean> | Promise<void>;
}

/**
 * Follows a stream until it is said to be enough: when the agent goes away it tries again, with growing delays, from where it was. The first attempt must
 * succeed, and what the agent refuses for good (a cursor, a token) ends it: both throw Failure.
 */
export async function follow<T>(context: Context, dialled: Dial, followed: Followed<T>): Promise<void> {
  const state = { reached: false, lost: false, delayMs: firstDelayMs };
  for (;;) {
    let waitMs = 0;
    try {
      if (await attempt(context, dialled, followed, state)) return;
      say(context, state, 'the agent ended the stream');
    } catch (error) {
      if (!(error instanceof Failure) || !state.reached || !error.passing) throw error;
      waitMs = error.retryAfterMs ?? 0;
      say(context, state, error.message);
    }
    await context.io.clock.sleep(Math.max(state.delayMs, Math.min(waitMs, 60_000)));
    state.delayMs = Math.min(longestDelayMs, state.delayMs * 2);
  }
}

interface State {
  reached: boolean;
  /** Whether the loss was reported, and the return not yet. */
  lost: boolean;
  delayMs: number;
}

async function attempt<T>(context: Context, dialled: Dial, { open, take }: Followed<T>, state: State): Promise<boolean> {
  const agent = dialled.connect();
  // The first message comes at once; a peer that takes the connection and says nothing is no agent.
  const answerMs = dialled.timeoutMs ?? defaultAnswerMs;
  const stream = open(agent);
  let late = false;
  const cancelTimer = context.io.clock.after(answerMs, () => {
    late = true;
    stream.cancel();
  });
  try {
    for await (const message of messages(agent, stream)) {
      cancelTimer();
      if (state.lost) context.io.stderr.write('sboxagent: connected again\n');
      Object.assign(state, { reached: true, lost: false, delayMs: firstDelayMs });
      if ((await take(message)) === true) return true;
    }
    return false;
  } catch (error) {
    if (!late) throw error;
    throw new Failure(EXIT.unreachable, `no agent answers at ${agent.where}: no answer in time`, {
      reason: 'DEADLINE_EXCEEDED',
      remedy: notReached,
      passing: true,
    });
  } finally {
    cancelTimer();
    agent.close();
  }
}

/** Once a loss, however often it tries. */
function say({ io }: Context, state: State, why: string): void {
  if (state.lost) return;
  state.lost = true;
  io.stderr.write(`sboxagent: ${printable(why)}; trying again\n`);
}
