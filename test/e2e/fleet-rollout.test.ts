/** Configs rolled out over agents that meet at a real NATS server: by each agent's own apply, halted, resumed, taken back, late, forged. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type KV, Kvm } from '@nats-io/kv';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { privateKeyOf } from '../../src/fleet/client.ts';
import { packContent } from '../../src/fleet/rollout/bucket.ts';
import { seal } from '../../src/fleet/rollout/sealed.ts';
import type { Plan } from '../../src/fleet/rollout/types.ts';
import { type Daemon, program, until } from '../helpers/daemon.ts';
import { natsServer } from '../helpers/nats-server.ts';
import { blocksOf } from '../helpers/page-blocks.ts';
import { configOf, makeRolloutFleet, type RolloutFleet, wordOf } from '../helpers/rollout-fleet.ts';

const skip = natsServer === undefined ? 'no nats-server here: .ci/install brings it' : false;

interface Shown {
  readonly id: string;
  readonly trace_id: string;
  readonly state: { readonly phase: string; readonly halt?: { readonly agent: string; readonly result: string; readonly why: string } };
  readonly agents: readonly { readonly agent: string; readonly state: string; readonly why: string }[];
}

const statesOf = ({ agents }: Shown): Record<string, string> => Object.fromEntries(agents.map(({ agent, state }) => [agent, state]));

describe('rollouts', { skip }, () => {
  let fleet: RolloutFleet;
  let connection: NatsConnection;
  let bucket: KV;
  const agents = new Map<string, Daemon>();
  const agentOf = (name: string): Daemon => {
    const daemon = agents.get(name);
    assert.ok(daemon !== undefined, name);
    return daemon;
  };
  const words = (...names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((name) => [name, wordOf(agentOf(name))]));
  const parse = (text: string): Shown => JSON.parse(text) as Shown;
  const json = async (args: readonly string[], { code = 0, env = {} } = {}): Promise<Shown> => {
    const ran = await fleet.run([...args, '-o', 'json'], { env });
    assert.equal(ran.code, code, ran.stdout + ran.stderr);
    return parse(ran.stdout);
  };
  const apply = (word: string, ...args: readonly string[]): readonly string[] => [
    'fleet',
    'apply',
    'edge',
    '-f',
    fleet.file(word),
    ...args,
  ];
  const show = (id: string): Promise<Shown> => json(['fleet', 'rollout', 'show', id]);
  const untilPhase = (id: string, phase: string): Promise<Shown> =>
    until(`rollout ${id} to be ${phase}`, async () => {
      const shown = await show(id);
      return shown.state.phase === phase && shown;
    });
  const untilUp = (name: string): Promise<unknown> =>
    until(`${name} in the fleet`, async () =>
      new RegExp(`^${name} +UP +HEALTHY +1/1`, 'm').test((await fleet.run(['fleet', 'ls'])).stdout),
    );
  const joinAs = async (name: string, options: Parameters<RolloutFleet['join']>[1]): Promise<void> => {
    agents.set(name, await fleet.join(name, options));
    await untilUp(name);
  };
  const events = async (name: string): Promise<readonly { type: string; trace_id: string; data: Record<string, unknown> }[]> => {
    const { json: body } = await agentOf(name).rest('GET', '/api/v1/events?filter.types=fleet.rollout.*&page_size=500&order_by=revision');
    return (body as { events: { type: string; trace_id: string; data: Record<string, unknown> }[] }).events;
  };

  before(async () => {
    fleet = await makeRolloutFleet();
    for (const name of ['eu-1', 'eu-2']) await joinAs(name, { labels: { region: 'eu' } });
    connection = await connect({ servers: fleet.nats.url });
    bucket = await new Kvm(connection).open('sboxagent_rollouts');
  });
  after(async () => {
    await connection?.close();
    await fleet?.dispose();
  });

  it('reach the agents that are meant, each by its own apply, in one trace', async () => {
    writeFileSync(join(fleet.dir, 'edge.json'), configOf('second'));
    const [first = ''] = blocksOf('fleet.md', 'Roll');
    const ran = await fleet.shell(`set -e; ${first.replace('30s', '1s')}`);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /COMPLETED[\s\S]*eu-1 \(canary\) +APPLIED[\s\S]*eu-2 +APPLIED[\s\S]*edge +COMPLETED +2\/2 +eu-\*/);
    const shown = await json(['fleet', 'rollout', 'show']);
    assert.equal(shown.state.phase, 'COMPLETED');
    assert.deepEqual(statesOf(shown), { 'eu-1': 'APPLIED', 'eu-2': 'APPLIED' });
    assert.deepEqual(words('eu-1', 'eu-2'), { 'eu-1': 'second', 'eu-2': 'second' });
    const told = [...(await events('eu-1')), ...(await events('eu-2'))];
    const count = (type: string): number => told.filter((event) => event.type === `fleet.rollout.${type}`).length;
    assert.deepEqual(['started', 'applying', 'applied', 'completed', 'halted'].map(count), [1, 2, 2, 1, 0]);
    assert.ok(told.every((event) => event.trace_id === shown.trace_id));
    const { json: audit } = await agentOf('eu-1').rest('GET', '/api/v1/audit?filter.principals=fleet:ops');
    const { entries } = audit as { entries: { method: string; via: string; code: string; trace_id: string }[] };
    assert.ok(
      entries.some((entry) => entry.method.endsWith('ApplyProcessConfig') && entry.code === 'OK' && entry.trace_id === shown.trace_id),
      JSON.stringify(entries),
    );
  });

  it('are halted by the first that takes it back, which is said with its engine’s words; go on, and go back', async () => {
    const before = words('eu-1', 'eu-2');
    await joinAs('us-1', { labels: { region: 'us' }, env: { REFUSES: 'third' } });
    const halted = await json(apply('third'), { code: 1 });
    const { phase, halt } = halted.state;
    assert.deepEqual([phase, halt?.agent, halt?.result], ['HALTED', 'us-1', 'ROLLED_BACK']);
    assert.match(halt?.why ?? '', /no route to the tunnel/);
    assert.deepEqual(words('eu-1', 'eu-2', 'us-1'), { 'eu-1': 'third', 'eu-2': 'third', 'us-1': 'first' });
    const text = await fleet.run(['fleet', 'rollout', 'show', halted.id]);
    assert.match(text.stdout, /HALTED[\s\S]*us-1: ROLLED_BACK: .*no route to the tunnel/);

    const alert = async (): Promise<string | undefined> => {
      const { json: body } = await agentOf('us-1').rest('GET', '/api/v1/alerts');
      const { alerts } = body as { alerts: { rule: string; state: string; summary: string }[] };
      const found = alerts.find(({ rule }) => rule === 'fleet_rollout_halted');
      return found && `${found.state} ${found.summary}`;
    };
    await until('the alert', async () => /^FIRING .*no route to the tunnel/s.test((await alert()) ?? ''));
    const [look = ''] = blocksOf('runbooks/fleet_rollout_halted.md', 'Look');
    const looked = await fleet.shell(`set -e; ${look}`, { UNIT: 'edge', AGENT: 'us-1' });
    assert.equal(looked.code, 0, looked.stderr);
    assert.match(looked.stdout, /halted by[\s\S]*no route to the tunnel[\s\S]*fleet\.rollout\.halted/);
    const [, block = ''] = blocksOf('fleet.md', 'Roll');
    const [resume = '', skip = '', abort = '', rollback = ''] = block.trim().split('\n');
    const follow = async (line: string): Promise<readonly [code: number | null, phase: string, agent: string | undefined]> => {
      const { code } = await fleet.shell(line, { ROLLOUT: halted.id });
      const { state } = await show(halted.id);
      return [code, state.phase, state.halt?.agent];
    };
    assert.deepEqual(await follow(resume), [1, 'HALTED', 'us-1'], 'it is tried again, and fails again');
    assert.deepEqual(await follow(skip), [0, 'COMPLETED', undefined]);
    assert.deepEqual(await follow(abort), [0, 'ABORTED', undefined]);
    assert.deepEqual(await follow(rollback), [0, 'ROLLED_BACK', undefined]);
    const back = await show(halted.id);
    assert.deepEqual(statesOf(back), { 'eu-1': 'RETURNED', 'eu-2': 'RETURNED', 'us-1': 'ROLLED_BACK' });
    assert.deepEqual(words('eu-1', 'eu-2', 'us-1'), { ...before, 'us-1': 'first' });
    await until('its end', async () => (await alert())?.startsWith('RESOLVED'));
    const refused = await fleet.run(['fleet', 'rollout', 'resume', halted.id]);
    assert.deepEqual([refused.code, /ROLLED_BACK: resume does not go with that/.test(refused.stderr)], [1, true], refused.stderr);
  });

  it('go on when the operator’s command is killed', async () => {
    const child = spawn(program, [...apply('fourth', '--labels', 'region=eu', '--pause', '2s')], { env: { ...process.env, ...fleet.env } });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const id = await until('the rollout', () => /rollout (\S+) goes on/.exec(said)?.[1]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await untilPhase(id, 'COMPLETED');
    assert.deepEqual(words('eu-1', 'eu-2'), { 'eu-1': 'fourth', 'eu-2': 'fourth' });
  });

  it('reach an agent that was away, and one that nobody knew', async () => {
    const before = words('eu-2');
    await agentOf('eu-2').kill('SIGTERM');
    const shown = await json(apply('fifth', '--agents', 'eu-*'));
    assert.deepEqual([shown.state.phase, statesOf(shown)], ['COMPLETED', { 'eu-1': 'APPLIED', 'eu-2': 'AWAY' }]);
    assert.deepEqual(words('eu-1', 'eu-2'), { 'eu-1': 'fifth', ...before });
    await agentOf('eu-2').start();
    await until('eu-2 to be brought to it', async () => statesOf(await show(shown.id))['eu-2'] === 'APPLIED');
    await joinAs('eu-9', { labels: { region: 'eu' } });
    await until('eu-9 to be brought to it', async () => statesOf(await show(shown.id))['eu-9'] === 'APPLIED');
    assert.deepEqual(words('eu-2', 'eu-9'), { 'eu-2': 'fifth', 'eu-9': 'fifth' });
  });

  it('are not repeated at an agent that was changed by hand since, and leave it alone when they go back', async () => {
    const shown = await json(apply('sixth', '--agents', 'eu-1'));
    const { status } = await agentOf('eu-1').rest('PUT', '/api/v1/processes/edge/config', { content: configOf('mine') });
    assert.equal(status, 200);
    const back = await json(['fleet', 'rollout', 'rollback', shown.id], { code: 1 });
    assert.deepEqual([back.state.phase, statesOf(back)], ['ROLLED_BACK', { 'eu-1': 'STUCK' }]);
    assert.equal(wordOf(agentOf('eu-1')), 'mine');
  });

  it('survive a kill of an agent at work', async () => {
    await joinAs('slow-1', { env: { SLOW: '3' } });
    const { id } = await json(apply('second', '--agents', 'slow-*', '--detach'));
    await until('it to be at work', async () => statesOf(await show(id))['slow-1'] === 'APPLYING');
    await sleep(1000);
    await agentOf('slow-1').kill('SIGKILL');
    await agentOf('slow-1').start();
    const shown = await untilPhase(id, 'COMPLETED');
    assert.deepEqual([statesOf(shown), wordOf(agentOf('slow-1'))], [{ 'slow-1': 'APPLIED' }, 'second']);
  });

  it('are halted by an agent that does not end its part in time', async () => {
    await joinAs('slow-2', { env: { SLOW: '3' } });
    const { id } = await json(apply('second-again', '--agents', 'eu-1,slow-2', '--deadline', '15s', '--detach'));
    await until('it to be at work', async () => statesOf(await show(id))['slow-2'] === 'APPLYING');
    await agentOf('slow-2').kill('SIGKILL');
    const { state } = await untilPhase(id, 'HALTED');
    assert.deepEqual([state.halt?.agent, state.halt?.result], ['slow-2', 'OVERDUE']);
    await agentOf('slow-2').start();
    assert.equal((await json(['fleet', 'rollout', 'resume', id])).state.phase, 'COMPLETED');
    assert.equal(wordOf(agentOf('slow-2')), 'second-again');
  });

  it('survive a kill of the NATS server', async () => {
    const { id } = await json(apply('eighth', '--labels', 'region=eu', '--pause', '2s', '--detach'));
    await until('the first', async () => Object.values(statesOf(await show(id))).includes('APPLIED'));
    await fleet.nats.kill('SIGKILL');
    await sleep(1500);
    await fleet.nats.start();
    const shown = await until('its end', async () => {
      const ran = await fleet.run(['fleet', 'rollout', 'show', id, '-o', 'json']);
      return ran.code === 0 && parse(ran.stdout).state.phase === 'COMPLETED' && parse(ran.stdout);
    });
    assert.ok(Object.values(statesOf(shown)).every((state) => state === 'APPLIED'));
    for (const name of ['eu-1', 'eu-2']) {
      const told = (await events(name)).filter(({ data }) => data['rollout'] === id).map(({ type }) => type);
      assert.equal(told.filter((type) => type === 'fleet.rollout.applied').length, 1, `${name}: ${told.join(' ')}`);
    }
  });

  it('are judged by each agent: the scopes of the key, through the gate', async () => {
    await joinAs('ro-1', { scopes: ['read'] });
    const shown = await json(apply('seventh', '--agents', 'ro-1'), { code: 1 });
    assert.deepEqual([shown.state.phase, shown.state.halt?.agent, shown.state.halt?.result], ['HALTED', 'ro-1', 'REJECTED']);
    assert.match(shown.state.halt?.why ?? '', /lacks the scope config:write/);
    assert.equal(wordOf(agentOf('ro-1')), 'first');
    const { json: audit } = await agentOf('ro-1').rest('GET', '/api/v1/audit?filter.principals=fleet:ops');
    assert.match(JSON.stringify(audit), /ApplyProcessConfig.*PERMISSION_DENIED/);
    const order = await fleet.run(['fleet', 'rollout', 'abort', shown.id]);
    assert.deepEqual([order.code, /no agent has taken it up/.test(order.stderr)], [3, true], order.stderr);
  });

  it('that nobody vouches for, that are old, or whose config is another, change nothing', async () => {
    const before = words('eu-1', 'eu-2');
    const stranger = await fleet.key('stranger', 'admin');
    const forged = await json(apply('forged', '--agents', 'eu-2', '--detach'), { env: { SBOXAGENT_SIGNING_KEY_FILE: stranger } });
    const seen = await until('the refusal', async () => {
      const shown = await show(forged.id);
      return statesOf(shown)['eu-2'] === 'REFUSED' && shown;
    });
    assert.match(seen.agents[0]?.why ?? '', /not among fleet\.keys/);

    const oldest = await until('the oldest plan', async () => {
      const { stdout } = await fleet.run(['fleet', 'rollout', 'ls', '-o', 'json']);
      return (JSON.parse(stdout) as { rollouts: { id: string }[] }).rollouts.at(-1)?.id;
    });
    const plan = await bucket.get(`rollout.${oldest}.plan`);
    await bucket.purge(`rollout.${oldest}.state`);
    await bucket.put(`rollout.${oldest}.plan`, plan?.string() ?? '');

    const key = privateKeyOf(readFileSync(fleet.env['SBOXAGENT_SIGNING_KEY_FILE'] ?? '', 'utf8'));
    const { payload } = JSON.parse(plan?.string() ?? '') as { payload: string };
    const other: Plan = {
      ...(JSON.parse(payload) as Plan),
      id: '01KB0000000000000000000000',
      generation: Date.now(),
      expire_ms: Date.now() + 60_000,
    };
    await bucket.put(`content.${other.id}`, packContent(configOf('swapped')));
    await bucket.put(`rollout.${other.id}.plan`, seal('plan', other, key));
    const halted = await untilPhase(other.id, 'HALTED');
    assert.deepEqual(
      [halted.state.halt?.result, halted.state.halt?.why],
      ['REJECTED', 'the config in the bucket is not the one that was signed'],
    );
    assert.deepEqual(words('eu-1', 'eu-2'), before);
  });
});
