/**
 * A rollout over twenty agents, one of which has an engine that cannot start with the new config, and one of which is away: halted by the first,
 * whoever started it, with never more at work than allowed; then over the others, the late one too; then back everywhere.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, program, until } from '../helpers/daemon.ts';
import { natsServer } from '../helpers/nats-server.ts';
import { makeRolloutFleet, type RolloutFleet, wordOf } from '../helpers/rollout-fleet.ts';

const skip = natsServer === undefined ? 'no nats-server here: .ci/install brings it' : false;
const names = Array.from({ length: 20 }, (_, i) => `eu-${String(i + 1).padStart(2, '0')}`);
const [broken, away] = ['eu-09', 'eu-20'];
const atOnce = 3;
const patienceMs = 240_000;

interface Told {
  readonly type: string;
  readonly time: string;
}

interface Shown {
  readonly state: { readonly phase: string; readonly halt?: { readonly agent: string; readonly result: string; readonly why: string } };
  readonly agents: readonly { readonly agent: string; readonly state: string }[];
}

describe('a rollout over twenty agents', { skip, timeout: 900_000 }, () => {
  let fleet: RolloutFleet;
  let rollout = '';
  const daemons = new Map<string, Daemon>();
  const words = (): readonly string[] => names.map((name) => wordOf(daemons.get(name) as Daemon));
  const show = async (): Promise<Shown> =>
    JSON.parse((await fleet.run(['fleet', 'rollout', 'show', rollout, '-o', 'json'])).stdout) as Shown;
  const count = ({ agents }: Shown, state: string): number => agents.filter((one) => one.state === state).length;
  const untilShown = (what: string, is: (shown: Shown) => boolean): Promise<Shown> =>
    until(
      what,
      async () => {
        const shown = await show();
        return is(shown) && shown;
      },
      patienceMs,
    );
  const eventsOf = async (types: string): Promise<readonly Told[]> => {
    const asked = [...daemons.values()].map(async (daemon) => {
      const { json } = await daemon.rest('GET', `/api/v1/events?filter.types=fleet.rollout.${types}&page_size=500`);
      return (json as { events: readonly Told[] }).events;
    });
    return (await Promise.all(asked)).flat();
  };
  /** How many agents changed their config at the same time, by what they told when. */
  const mostAtWork = async (): Promise<number> => {
    const steps = (await eventsOf('*')).flatMap(({ type, time }) => {
      const step = /applying|returning/.test(type) ? 1 : /applied|returned|failed/.test(type) ? -1 : 0;
      return step === 0 ? [] : [{ step, time }];
    });
    let [now, most] = [0, 0];
    for (const { step } of steps.sort((x, y) => (x.time === y.time ? x.step - y.step : x.time < y.time ? -1 : 1))) {
      now += step;
      most = Math.max(most, now);
    }
    assert.equal(now, 0, 'who began has ended');
    return most;
  };

  before(async () => {
    fleet = await makeRolloutFleet();
    for (const name of names) {
      const env: Record<string, string> = name === broken ? { REFUSES: 'second' } : {};
      daemons.set(name, await fleet.join(name, { env, labels: { region: 'eu' } }));
    }
    await until(
      'all of them',
      async () => (await fleet.run(['fleet', 'ls'])).stdout.split('HEALTHY').length === names.length + 1,
      patienceMs,
    );
    await daemons.get(away)?.kill('SIGTERM');
  });
  after(() => fleet?.dispose());

  it('is halted by the one that cannot start, with its operator killed in the middle', async (t) => {
    const how = ['--labels', 'region=eu', '--canary', '2', '--max-unavailable', String(atOnce), '--pause', '500ms'];
    const startMs = performance.now();
    const operator = spawn(program, ['fleet', 'apply', 'edge', '-f', fleet.file('second'), ...how], {
      env: { ...process.env, ...fleet.env },
    });
    let said = '';
    operator.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    rollout = await until('the rollout', () => /rollout (\S+) goes on/.exec(said)?.[1]);
    await untilShown('the first agents', (shown) => count(shown, 'APPLIED') >= 2);
    operator.kill('SIGKILL');
    await once(operator, 'exit');

    const halted = await untilShown(
      'the halt',
      ({ state, agents }) => state.phase === 'HALTED' && agents.every((one) => one.state !== 'APPLYING'),
    );
    t.diagnostic(`halted after ${Math.round(performance.now() - startMs)} ms: ${JSON.stringify(halted.state.halt)}`);
    assert.deepEqual([halted.state.halt?.agent, halted.state.halt?.result], [broken, 'ROLLED_BACK']);
    assert.match(halted.state.halt?.why ?? '', /no route to the tunnel/);
    assert.deepEqual([count(halted, 'ROLLED_BACK'), count(halted, 'AWAY')], [1, 1]);
    const applied = count(halted, 'APPLIED');
    assert.ok(applied >= 2 && applied < 19 && applied + count(halted, 'WAITING') === 18, JSON.stringify(halted.agents));
    await sleep(3000);
    assert.deepEqual((await show()).agents, halted.agents, 'nobody begins any more');
    const expected = halted.agents.map(({ state }) => (state === 'APPLIED' ? 'second' : 'first'));
    assert.deepEqual(
      words(),
      names.map((name) => expected[halted.agents.findIndex(({ agent }) => agent === name)]),
    );
    t.diagnostic(`${applied} of 20 had it by then`);
  });

  it('goes on without it, and reaches the one that was away', async (t) => {
    const startMs = performance.now();
    const resumed = await fleet.run(['fleet', 'rollout', 'resume', rollout, '--skip-failed'], { timeoutMs: patienceMs });
    assert.equal(resumed.code, 0, resumed.stderr);
    const completed = await show();
    assert.deepEqual([completed.state.phase, count(completed, 'APPLIED'), count(completed, 'AWAY')], ['COMPLETED', 18, 1]);
    t.diagnostic(`complete after ${Math.round(performance.now() - startMs)} ms more`);
    await daemons.get(away)?.start();
    const backMs = performance.now();
    await untilShown('the one that was away', (shown) => count(shown, 'APPLIED') === 19);
    t.diagnostic(`the one that was away has it ${Math.round(performance.now() - backMs)} ms after its start`);
    assert.deepEqual(
      words(),
      names.map((name) => (name === broken ? 'first' : 'second')),
    );
  });

  it('goes back everywhere, each transition is told once, and never were more at work than allowed', async (t) => {
    const startMs = performance.now();
    const back = await fleet.run(['fleet', 'rollout', 'rollback', rollout], { timeoutMs: patienceMs });
    assert.equal(back.code, 0, back.stderr);
    const shown = await show();
    assert.deepEqual([shown.state.phase, count(shown, 'RETURNED')], ['ROLLED_BACK', 19]);
    assert.deepEqual(
      words(),
      names.map(() => 'first'),
    );
    t.diagnostic(`back everywhere after ${Math.round(performance.now() - startMs)} ms`);
    const told = await eventsOf('*');
    const timesTold = (name: string): number => told.filter(({ type }) => type === `fleet.rollout.${name}`).length;
    const transitions = ['started', 'halted', 'resumed', 'completed', 'rolling_back', 'rolled_back', 'failed', 'applied', 'returned'];
    assert.deepEqual(transitions.map(timesTold), [1, 1, 1, 1, 1, 1, 1, 19, 19]);
    const most = await mostAtWork();
    t.diagnostic(`at most ${most} at work`);
    assert.ok(most >= 2 && most <= atOnce, `${most} at work`);
  });
});
