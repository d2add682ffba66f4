import { type FleetClient, failedResults, RolloutRefused, type Rollouts, type Verb } from '../../fleet/client.ts';
import type { Flags, Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { count, duration, text } from '../flags.ts';
import { signingKey } from '../fleet/place.ts';
import { doneOf, haltLine, type Look, type PartRow, partRows, rolloutColumns, rolloutJson, rolloutText } from '../fleet/rollout-text.ts';
import { selectedMembers, selectorOf, withFleet } from '../fleet/with-fleet.ts';
import { print, styleOf } from '../output.ts';
import { progressLine } from '../progress.ts';
import { readInput } from '../read-input.ts';
import { listTable } from '../table.ts';

const dayMs = 86_400_000;
const defaults = { canaries: 0, maxUnavailable: 1, pauseMs: 0, deadlineMs: 600_000, validMs: 30 * dayMs } as const;
const mostAtOnce = 10_000;
const pollMs = 500;
/** An order is taken note of by the first agent that reads it; nobody may be there. */
const orderPatienceMs = 5000;

/** Runs `use` with the rollouts of the fleet; what they refuse is a Failure. */
function withRollouts<T>(context: Context, use: (rollouts: Rollouts, client: FleetClient) => Promise<T>): Promise<T> {
  return withFleet(context, async (client) => {
    try {
      return await use(await client.rollouts(), client);
    } catch (error) {
      if (error instanceof RolloutRefused) throw new Failure(EXIT.refused, error.message, { remedy: error.remedy });
      throw error;
    }
  });
}

async function look(rollouts: Rollouts, client: FleetClient, id: string): Promise<Look> {
  const [rollout, members] = await Promise.all([rollouts.get(id), client.members()]);
  // After the state: an agent says what came of its part before all others count it.
  return { rollout, members, parts: await rollouts.parts(id) };
}

async function show(context: Context, seen: Look): Promise<void> {
  const style = await styleOf(context);
  await print(context, rolloutJson(seen), () => rolloutText(seen, style));
}

/** Whether nothing more comes of it for now: it is over, or waits only for agents that are away or refuse it. */
function isSettled(seen: Look): boolean {
  const { phase, skip_failed: isSkipping, working } = seen.rollout.state;
  if (phase !== 'RUNNING' && phase !== 'ROLLING_BACK') return true;
  if (working.length > 0) return false;
  const up = new Set(seen.members.filter(({ state }) => state === 'UP').map(({ name }) => name));
  const isWaitedFor = ({ state }: PartRow): boolean => {
    if (phase === 'ROLLING_BACK') return state === 'APPLIED' || state === 'RETURNING';
    return state !== 'APPLIED' && !(isSkipping && failedResults.has(state));
  };
  const rows = phase === 'RUNNING' ? partRows(seen).slice(0, seen.rollout.plan.present) : partRows(seen);
  const waitedFor = rows.filter(isWaitedFor);
  // Where nobody is waited for, the phase follows in a moment.
  return waitedFor.length > 0 && waitedFor.every(({ agent, state }) => state === 'REFUSED' || !up.has(agent));
}

/** Waits until nothing more comes of it, and shows it. */
async function follow(context: Context, { rollouts, client }: { rollouts: Rollouts; client: FleetClient }, id: string): Promise<number> {
  const line = progressLine(context);
  let seen = await look(rollouts, client, id);
  while (!isSettled(seen)) {
    const { rollout } = seen;
    const working = rollout.state.working.map(({ agent }) => agent).join(', ');
    line?.show(`${rollout.state.phase} ${doneOf(rollout)}/${rollout.plan.agents.length}${working === '' ? '' : `: ${working}`}`);
    await context.io.clock.sleep(pollMs);
    seen = await look(rollouts, client, id);
  }
  line?.clear();
  await show(context, seen);
  return exitOf(seen);
}

function exitOf(seen: Look): number {
  const { phase, halt } = seen.rollout.state;
  if (phase === 'HALTED') {
    const { id } = seen.rollout.plan;
    throw new Failure(EXIT.refused, `the rollout is halted by ${haltLine(seen.rollout)}`, {
      ...(halt?.result === 'ROLLED_BACK' && { reason: 'APPLY_ROLLED_BACK' }),
      remedy: `Go on with \`sboxagent fleet rollout resume ${id}\`, or end it with abort or rollback.`,
    });
  }
  const isWhole = partRows(seen).every(({ state }) => state !== 'REFUSED' && state !== 'STUCK');
  return isWhole ? EXIT.done : EXIT.refused;
}

function numbersOf(flags: Flags) {
  const canaries = count(text(flags, 'canary'), '--canary', mostAtOnce) ?? defaults.canaries;
  const maxUnavailable = count(text(flags, 'maxUnavailable'), '--max-unavailable', mostAtOnce) ?? defaults.maxUnavailable;
  if (maxUnavailable < 1) throw usage('--max-unavailable 0 would let no agent begin', 'Give at least 1.');
  return {
    ...{ canaries, maxUnavailable },
    pauseMs: duration(text(flags, 'pause'), '--pause') ?? defaults.pauseMs,
    deadlineMs: duration(text(flags, 'deadline'), '--deadline') ?? defaults.deadlineMs,
    validMs: duration(text(flags, 'validFor'), '--valid-for') ?? defaults.validMs,
  };
}

/** Rolls a config out over the agents that are meant, and waits for its end unless told otherwise. */
export const applyCommand: Handler = (context, [unit = ''], flags) => {
  const file = text(flags, 'file');
  if (file === undefined) throw usage('give the config with -f FILE; - reads stdin');
  const numbers = numbersOf(flags);
  return withRollouts(context, async (rollouts, client) => {
    const [key, content] = [await signingKey(context), await readInput(context, file)];
    const members = (await selectedMembers(client, flags)).filter(({ units }) => units.some(({ id }) => id === unit));
    if (members.length === 0)
      throw usage(`no agent that is meant has a unit ${JSON.stringify(unit)}`, '`sboxagent fleet ps` lists the units of all agents.');
    const candidates = members.map(({ name, state }) => ({ name, isUp: state === 'UP' }));
    const reason = text(flags, 'reason') ?? '';
    const plan = await rollouts.create({ unit, content, selector: selectorOf(flags), candidates, reason, key, ...numbers });
    if (flags['detach'] !== true) {
      context.io.stderr.write(`rollout ${plan.id} goes on by itself, also when this command ends\n`);
      return follow(context, { rollouts, client }, plan.id);
    }
    await show(context, await look(rollouts, client, plan.id));
    return EXIT.done;
  });
};

export const listCommand: Handler = (context) =>
  withRollouts(context, async (rollouts) => {
    const all = await rollouts.list();
    const style = await styleOf(context);
    const rows = all.map((rollout) => ({ ...rollout.plan, state: rollout.state.phase, halted_by: rollout.state.halt }));
    await print(context, { rollouts: rows }, () => listTable(rolloutColumns, all, { style, none: 'there is no rollout' }));
    return EXIT.done;
  });

export const showCommand: Handler = (context, [id], flags) =>
  withRollouts(context, async (rollouts, client) => {
    const wanted = id ?? (await rollouts.list())[0]?.plan.id;
    if (wanted === undefined) throw usage('there is no rollout');
    if (flags['follow'] === true) return follow(context, { rollouts, client }, wanted);
    await show(context, await look(rollouts, client, wanted));
    return EXIT.done;
  });

/** Until an agent has put the order into effect, or for a while. */
async function untilObeyed(context: Context, rollouts: Rollouts, { id, sequence }: { id: string; sequence: number }): Promise<void> {
  const { clock } = context.io;
  const endMs = clock.monotonicMs() + orderPatienceMs;
  for (;;) {
    const { state } = await rollouts.get(id);
    if (state.order >= sequence) return;
    if (clock.monotonicMs() > endMs) {
      const remedy = `Agents do when they are there and grant the key config:write: see \`sboxagent fleet rollout show ${id}\`.`;
      throw new Failure(EXIT.unreachable, 'the order is in the bucket, and no agent has taken it up yet', { remedy });
    }
    await clock.sleep(pollMs);
  }
}

const orderCommand =
  (verb: Verb): Handler =>
  (context, [id = ''], flags) =>
    withRollouts(context, async (rollouts, client) => {
      const key = await signingKey(context);
      const { sequence } = await rollouts.order(id, { verb, skipFailed: flags['skipFailed'] === true, key });
      await untilObeyed(context, rollouts, { id, sequence });
      if (verb !== 'abort' && flags['detach'] !== true) return follow(context, { rollouts, client }, id);
      await show(context, await look(rollouts, client, id));
      return EXIT.done;
    });

export const resumeCommand = orderCommand('resume');
export const abortCommand = orderCommand('abort');
export const rollbackCommand = orderCommand('rollback');
