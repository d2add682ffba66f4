import type { FleetClient, FleetMember } from '../../fleet/client.ts';
import { type Dial, fleetDialer } from '../agent.ts';
import type { Flags } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { printable } from '../escape.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { count, text } from '../flags.ts';
import { selectedMembers } from './with-fleet.ts';

/** What one agent answered. */
export type Answer<T> = { readonly agent: string; readonly value: T } | { readonly agent: string; readonly failure: Failure };

export interface Asking<T> {
  readonly ask: (dial: Dial, agent: string) => Promise<T>;
  /** Is given each answer as it comes, one after the other. */
  readonly take: (answer: Answer<T>) => Promise<void>;
  /** How many are asked at once. */
  readonly parallel: number;
}

const mostParallel = 200;
const usualParallel = 8;

/** --parallel. Throws Failure. */
export function parallelOf(flags: Flags): number {
  const given = count(text(flags, 'parallel'), '--parallel', mostParallel) ?? usualParallel;
  if (given < 1) throw usage('--parallel begins at 1');
  return given;
}

/** Agents that may be followed at once: each one holds a stream open. */
const mostFollowed = 200;

/**
 * Asks all chosen agents, a bounded number at a time. One that is not there is not waited for: it counts as failed, as does one that refuses. Resolves
 * to the exit code: 0 where all have answered, 3 where none was reached, else 1. Throws Failure where no agent is chosen.
 */
export async function askAgents<T>(
  context: Context,
  client: FleetClient,
  { flags, ...asking }: Asking<T> & { readonly flags: Flags },
): Promise<number> {
  const members = await selectedMembers(client, flags);
  if (members.length === 0)
    throw new Failure(EXIT.refused, 'no agent of the fleet matches', { remedy: '`sboxagent fleet ls` lists them.' });
  const dialer = await fleetDialer(context, client);
  const failed: Failure[] = [];
  let turn = Promise.resolve();
  const waiting = [...members];
  const work = async (): Promise<void> => {
    for (let member = waiting.shift(); member !== undefined; member = waiting.shift()) {
      const answer = await askOne(member, dialer, asking);
      if ('failure' in answer) failed.push(answer.failure);
      turn = turn.then(() => asking.take(answer));
      await turn;
    }
  };
  await Promise.all(Array.from({ length: Math.min(asking.parallel, members.length) }, work));
  if (failed.length === 0) return EXIT.done;
  return failed.length === members.length && failed.every(({ exitCode }) => exitCode === EXIT.unreachable)
    ? EXIT.unreachable
    : EXIT.refused;
}

async function askOne<T>(
  { name: agent, state, age_seconds: age }: FleetMember,
  dialer: (name: string) => Dial,
  { ask }: Pick<Asking<T>, 'ask'>,
): Promise<Answer<T>> {
  if (state !== 'UP') return { agent, failure: new Failure(EXIT.unreachable, `it is ${state} since ${age} s, and was not asked`) };
  try {
    return { agent, value: await ask(dialer(agent), agent) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { agent, failure: error };
  }
}

/** A line on stderr for an agent that did not answer. */
export function sayFailure({ io }: Context, agent: string, { message }: Failure): void {
  io.stderr.write(`sboxagent: ${printable(agent)}: ${printable(message)}\n`);
}

/** Asks all chosen agents for a list, and gives what came together. Those that fail are said on stderr. */
export async function listFromAgents<T>(
  context: Context,
  client: FleetClient,
  { flags, list }: { readonly flags: Flags; readonly list: (dial: Dial) => Promise<readonly T[]> },
): Promise<{ readonly rows: readonly (T & { readonly agent: string })[]; readonly code: number }> {
  const rows: (T & { readonly agent: string })[] = [];
  const take = async (answer: Answer<readonly T[]>): Promise<void> => {
    if ('failure' in answer) sayFailure(context, answer.agent, answer.failure);
    else for (const one of answer.value) rows.push({ agent: answer.agent, ...one });
  };
  const code = await askAgents(context, client, { flags, parallel: parallelOf(flags), ask: list, take });
  return { rows, code };
}

/** Throws Failure where more are chosen than can be followed at once. */
export async function followedMembers(client: FleetClient, flags: Flags): Promise<readonly FleetMember[]> {
  const members = await selectedMembers(client, flags);
  if (members.length > mostFollowed)
    throw usage(
      `${members.length} agents match, and at most ${mostFollowed} are followed at once`,
      'Choose fewer with --agents or --labels.',
    );
  return members;
}
