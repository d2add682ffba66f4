/** Agents with the permissions that docs/fleet.md gives, and no more, at a real NATS server: what they can do, and what one that is taken over cannot. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect, type NatsConnection, nkeyAuthenticator, nkeys } from '@nats-io/transport-node';
import { type Daemon, makeDaemon, program, type Ran, root, runProgram, until } from '../helpers/daemon.ts';
import { forwarded } from '../helpers/fleet-stream.ts';
import { makeNatsServer, type NatsServer, natsServer } from '../helpers/nats-server.ts';

const skip = natsServer === undefined ? 'no nats-server here: .ci/install brings it' : false;

interface User {
  readonly publicKey: string;
  readonly seed: Uint8Array;
}

function makeUser(): User {
  const pair = nkeys.createUser();
  return { publicKey: pair.getPublicKey(), seed: pair.getSeed() };
}

/** A file of credentials as NATS writes it. A server that knows users by their keys asks for no token, so that there is none in it. */
function credentials({ seed }: User): string {
  const part = (title: string, text: string): string => `-----BEGIN ${title}-----\n${text}\n------END ${title}------\n`;
  return `${part('NATS USER JWT', 'none')}\n${part('USER NKEY SEED', new TextDecoder().decode(seed))}`;
}

/** The block of the page, for an agent of another name. */
function permissionsOf(agent: string): string {
  const page = readFileSync(join(root, 'docs/fleet.md'), 'utf8');
  const block = /^```\n(permissions: \{[\s\S]*?)^```$/m.exec(page)?.[1];
  assert.ok(block, 'docs/fleet.md has the permissions');
  return block.replaceAll('edge-1', agent);
}

describe('permissions of the fleet', { skip }, () => {
  const users = { admin: makeUser(), 'edge-1': makeUser(), 'edge-2': makeUser() };
  let nats: NatsServer;
  let admin: NatsConnection;
  let thief: NatsConnection;
  const refusals: string[] = [];
  const daemons: Daemon[] = [];

  const connectAs = (user: User): Promise<NatsConnection> => connect({ servers: nats.url, authenticator: nkeyAuthenticator(user.seed) });
  before(async () => {
    const agents = (['edge-1', 'edge-2'] as const).map((name) => `{ nkey: ${users[name].publicKey}, ${permissionsOf(name)} }`);
    nats = await makeNatsServer(`authorization { users: [ { nkey: ${users.admin.publicKey} }\n${agents.join('\n')} ] }\n`);
    await nats.start();
    admin = await connectAs(users.admin);
    // As the page says, an operator makes them beforehand.
    await (await jetstreamManager(admin)).streams.add({ name: 'SBOXAGENT_EVENTS', subjects: ['sboxagent.*.event.>'], allow_direct: true });
    for (const bucket of ['sboxagent_agents', 'sboxagent_fleet', 'sboxagent_rollouts']) await new Kvm(admin).create(bucket, { history: 1 });
    for (const name of ['edge-1', 'edge-2'] as const) {
      const daemon = await makeDaemon();
      daemons.push(daemon);
      const file = join(daemon.dir, 'fleet.creds');
      writeFileSync(file, credentials(users[name]), { mode: 0o600 });
      writeFileSync(join(daemon.dir, 'admin.creds'), credentials(users.admin), { mode: 0o600 });
      const config = JSON.parse(readFileSync(daemon.configPath, 'utf8')) as object;
      const key = await runProgram([program, 'fleet', 'key', join(daemon.dir, 'ops.pem'), '-o', 'json']);
      const { public_key } = JSON.parse(key.stdout) as { public_key: string };
      const fleet = {
        name,
        servers: [nats.url],
        credentials_file: file,
        heartbeat: '1s',
        keys: [{ name: 'ops', public_key, scopes: ['read'] }],
      };
      writeFileSync(
        daemon.configPath,
        JSON.stringify({ ...config, fleet, processes: { units: { edge: { command: ['/bin/sleep', '3600'], autostart: true } } } }),
      );
      await daemon.start();
    }
    thief = await connectAs(users['edge-1']);
    (async () => {
      for await (const status of thief.status()) if (status.type === 'error') refusals.push(status.error.message);
    })().catch(() => {});
  });
  after(async () => {
    for (const daemon of daemons) await daemon.dispose();
    await thief.close();
    await admin.close();
    await nats.dispose();
  });

  const [first, second] = [(): Daemon => daemons[0] as Daemon, (): Daemon => daemons[1] as Daemon];
  const fleet = (args: readonly string[]): Promise<Ran> =>
    runProgram([program, ...args], {
      env: {
        SBOXAGENT_FLEET_SERVERS: nats.url,
        SBOXAGENT_FLEET_CREDENTIALS_FILE: join(second().dir, 'admin.creds'),
        SBOXAGENT_SIGNING_KEY_FILE: join(second().dir, 'ops.pem'),
      },
      timeoutMs: 60_000,
    });
  const typesOf = async (agent: string): Promise<string[]> => (await forwarded(admin, agent)).map(({ type }) => type);

  it('are enough for events, presence, calls, the watch over others, and service discovery', async () => {
    await until('both', async () => (await fleet(['fleet', 'ls'])).stdout.match(/edge-\d +UP +HEALTHY/g)?.length === 2);
    await until(
      'the events of both',
      async () => (await typesOf('edge-1')).includes('agent.started') && (await typesOf('edge-2')).includes('agent.started'),
    );
    const asked = await fleet(['status', '--agent', 'edge-2', '-o', 'json']);
    assert.equal(asked.code, 0, asked.stderr);
    const pong = await admin.request('$SRV.PING.sboxagent.edge-1', '', { timeout: 5000 });
    assert.equal(pong.json<{ id: string }>().id, 'edge-1');
    await first().kill('SIGKILL');
    await until('that it is missed', async () => (await typesOf('edge-2')).includes('fleet.agent_gone'));
    await first().start();
    await until('that it is back', async () => (await typesOf('edge-2')).includes('fleet.agent_back'));
    for (const daemon of daemons) {
      const { json } = await daemon.rest('GET', '/api/v1/health');
      const component = (json as { components: { name: string; status: string }[] }).components.find(({ name }) => name === 'fleet');
      assert.equal(component?.status, 'HEALTHY', JSON.stringify(json));
    }
  });

  it('are enough for a part in a rollout: each takes its place, and says what came of it', async () => {
    const file = join(second().dir, 'config.json');
    writeFileSync(file, '{}');
    const ran = await fleet(['fleet', 'apply', 'edge', '-f', file, '--agents', 'edge-2', '-o', 'json']);
    assert.equal(ran.code, 1, ran.stderr);
    const { state, agents } = JSON.parse(ran.stdout) as { state: { phase: string; halt: { why: string } }; agents: { state: string }[] };
    assert.deepEqual([state.phase, agents.map((one) => one.state)], ['HALTED', ['REJECTED']]);
    // Its key may read, and no more.
    assert.match(state.halt.why, /lacks the scope config:write/);
  });

  it('refuse what is forged under another agent, and to read or take what is another’s', async () => {
    const attempts: readonly [string, () => void][] = [
      ['sboxagent.edge-2.event.agent.started', () => thief.publish('sboxagent.edge-2.event.agent.started', '{"type":"agent.started"}')],
      ['$KV.sboxagent_agents.edge-2', () => thief.publish('$KV.sboxagent_agents.edge-2', '{}')],
      ['sboxagent.edge-2.rpc.AgentService.GetStatus', () => thief.publish('sboxagent.edge-2.rpc.AgentService.GetStatus', '{}')],
      ['$KV.sboxagent_rollouts.rollout.r.plan', () => thief.publish('$KV.sboxagent_rollouts.rollout.r.plan', '{}')],
      ['$KV.sboxagent_rollouts.content.r', () => thief.publish('$KV.sboxagent_rollouts.content.r', '{}')],
      ['$KV.sboxagent_rollouts.agent.r.edge-2', () => thief.publish('$KV.sboxagent_rollouts.agent.r.edge-2', '{}')],
      ['sboxagent.*.event.>', () => void thief.subscribe('sboxagent.*.event.>')],
      ['sboxagent.edge-2.rpc.>', () => void thief.subscribe('sboxagent.edge-2.rpc.>')],
      ['$JS.API.CONSUMER.CREATE', () => thief.publish('$JS.API.CONSUMER.CREATE.SBOXAGENT_EVENTS.x.y', '{}')],
      ['$JS.API.STREAM.DELETE', () => thief.publish('$JS.API.STREAM.DELETE.SBOXAGENT_EVENTS', '')],
      ['$JS.API.STREAM.PURGE', () => thief.publish('$JS.API.STREAM.PURGE.SBOXAGENT_EVENTS', '')],
    ];
    const before = (await typesOf('edge-2')).filter((type) => type === 'agent.started').length;
    for (const [subject, attempt] of attempts) {
      attempt();
      await until(`a refusal of ${subject}`, () =>
        refusals.some((text) => text.includes('Permissions Violation') && text.includes(subject)),
      );
    }
    assert.equal((await typesOf('edge-2')).filter((type) => type === 'agent.started').length, before);
  });

  it('what the server is made to answer at the subject of another agent is passed over by who reads', async () => {
    const body = JSON.stringify({ type: 'agent.stolen', source: 'sboxagent', subject: 'edge-2', severity: 'CRITICAL' });
    const stored = await jetstream(thief).publish('sboxagent.edge-1.event.agent.stolen', body);
    thief.publish('$JS.API.DIRECT.GET.SBOXAGENT_EVENTS', JSON.stringify({ seq: stored.seq }), {
      reply: 'sboxagent.edge-2.event.agent.stolen',
    });
    thief.publish('sboxagent.edge-1.event.agent.stolen', body, { reply: 'sboxagent.edge-2.event.agent.stolen' });
    thief.publish('$JS.API.DIRECT.GET.KV_sboxagent_agents', JSON.stringify({ last_by_subj: '$KV.sboxagent_agents.edge-1' }), {
      reply: '$KV.sboxagent_agents.edge-2',
    });
    await thief.flush();
    await until(
      'what it made of the stream',
      async () => (await forwarded(admin, 'edge-2')).filter(({ type }) => type === 'agent.stolen').length > 0,
    );
    const read = await fleet(['fleet', 'events', '--type', 'agent.stolen', '-o', 'json']);
    const events = JSON.parse(read.stdout) as { agent: string }[];
    assert.deepEqual(events, [], read.stdout);
    // What stands in the place of its entry is passed over, until it writes its next one.
    await until('both entries', async () => /edge-1 +UP[\s\S]*edge-2 +UP/.test((await fleet(['fleet', 'ls'])).stdout));
  });
});
