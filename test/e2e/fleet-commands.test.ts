/** The commands of a fleet over three agents and a real NATS server, and those of docs/fleet.md as they stand there. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect } from '@nats-io/transport-node';
import { type Daemon, makeDaemon, program, type Ran, runProgram, until } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';
import { makeNatsServer, type NatsServer, natsServer } from '../helpers/nats-server.ts';
import { blocksOf } from '../helpers/page-blocks.ts';

const skip = natsServer === undefined ? 'no nats-server here: .ci/install brings it' : false;
const command = ['/bin/sh', '-c', 'while :; do echo tick; sleep 0.2; done'];
const agents = { 'eu-1': 'eu', 'eu-2': 'eu', 'us-1': 'us' } as const;

describe('commands of the fleet', { skip }, () => {
  let nats: NatsServer;
  let home: string;
  const daemons = new Map<string, Daemon>();
  const daemon = (name: string): Daemon => daemons.get(name) as Daemon;

  before(async () => {
    nats = await makeNatsServer();
    await nats.start();
    home = mkdtempSync(join(tmpdir(), 'sboxagent-fleet-home-'));
    symlinkSync(program, join(home, 'sboxagent'));
    const made = await shell(String(blocksOf('fleet.md', 'Ask')[0]));
    const publicKey = /public_key: (\S+)/.exec(made.stdout)?.[1];
    assert.ok(publicKey, made.stdout + made.stderr);
    for (const [name, region] of Object.entries(agents)) {
      const keys = [{ name: 'ops', public_key: publicKey, scopes: ['read', 'operate'] }];
      const fleet = { servers: [nats.url], heartbeat: '1s', labels: { region }, keys };
      const one = await makeDaemon({ config: { agent: { name }, fleet, processes: { units: { proxy: { command, autostart: true } } } } });
      daemons.set(name, one);
      await one.start();
    }
    await until('the agents', async () => (await run(['fleet', 'ls'])).stdout.match(/UP +HEALTHY +1\/1/g)?.length === 3);
  });
  after(async () => {
    for (const one of daemons.values()) await one.dispose();
    await nats.dispose();
    rmSync(home, { recursive: true, force: true });
  });

  const environment = (): Record<string, string> => ({
    ...{ HOME: home, PATH: `${home}:${dirname(natsServer ?? '')}:${process.env['PATH']}`, SBOXAGENT_FLEET_SERVERS: nats.url },
    SBOXAGENT_SIGNING_KEY_FILE: join(home, '.config/sboxagent/ops.pem'),
  });
  const shell = (script: string): Promise<Ran> => runProgram(['bash', '-c', script], { env: environment(), timeoutMs: 60_000 });
  const run = (args: readonly string[], input = ''): Promise<Ran> =>
    runProgram([program, ...args], { env: environment(), timeoutMs: 60_000, input });
  const publish = async (name: string, type: string): Promise<void> => {
    assert.equal((await daemon(name).rest('POST', '/api/v1/events', { type, subject: 'x', data: { from: name } })).status, 201);
  };

  it('those of the page run as they stand there', async () => {
    const [[joining], [see], [read], [, ask]] = ['Join', 'See', 'Read', 'Ask'].map((title) =>
      blocksOf('fleet.md', title),
    ) as string[][] as [[string], [string], [string], [string, string]];
    const port = await freePort();
    const server = await shell(`timeout 3 ${joining.trim().replace('/var/lib/nats', join(home, 'nats'))} -a 127.0.0.1 -p ${port} 2>&1`);
    assert.match(server.stdout, /Server is ready/);
    const seen = await shell(see);
    assert.match(seen.stdout, /eu-1 +UP[\s\S]*us-1 +UP[\s\S]*eu-2 +proxy +READY/);
    assert.doesNotMatch(seen.stdout, /us-1 +proxy/);
    const wasRead = await shell(read);
    assert.match(wasRead.stdout, /eu-[12] +\S+ +INFO +process\.ready +proxy/);
    assert.match(wasRead.stdout, /^eu-1 {2}\S+ .* proxy +tick$/m);
    const asked = await shell(ask);
    assert.equal(asked.code, 0, asked.stderr);
    assert.match(asked.stdout, /proxy +READY[\s\S]*tick[\s\S]*^eu-[12] {2}OK {2}\{.*"id":"proxy"/m);
    assert.equal(asked.stdout.match(/^eu-[12] {2}OK/gm)?.length, 2);
  });

  it('events come from the stream: by agent, label, type and time, in its order', async () => {
    for (const name of ['eu-1', 'us-1', 'eu-2']) await publish(name, 'test.told');
    const eventsOf = async (...flags: string[]): Promise<string[]> => {
      const ran = await run(['fleet', 'events', '--type', 'test.told', '-o', 'json', ...flags]);
      assert.equal(ran.code, 0, ran.stderr);
      return (JSON.parse(ran.stdout) as { agent: string; data: { from: string } }[]).map(({ agent, data }) => `${agent} ${data.from}`);
    };
    await until('all three', async () => (await eventsOf()).length === 3);
    assert.deepEqual(await eventsOf('--since', '10m'), ['eu-1 eu-1', 'us-1 us-1', 'eu-2 eu-2']);
    assert.deepEqual(await eventsOf('--agents', 'eu-*'), ['eu-1 eu-1', 'eu-2 eu-2']);
    assert.deepEqual(await eventsOf('--agents', 'us-1'), ['us-1 us-1']);
    assert.deepEqual(await eventsOf('--labels', 'region!=eu'), ['us-1 us-1']);
    assert.deepEqual(await eventsOf('-n', '1'), ['eu-2 eu-2']);
    const following = runProgram(['timeout', '6', program, 'fleet', 'events', '-f', '--type', 'test.later', '--agents', 'us-*'], {
      ...{ env: environment(), timeoutMs: 60_000 },
    });
    for (let n = 0; n < 10; n++)
      await Promise.all([publish('us-1', 'test.later'), publish('eu-1', 'test.later'), new Promise((r) => setTimeout(r, 500))]);
    const followed = (await following).stdout;
    assert.match(followed, /us-1 .*test\.later/);
    assert.doesNotMatch(followed, /eu-1/);
  });

  it('logs of many agents have their agent in front, also while they are followed', async () => {
    const listed = await run(['fleet', 'logs', 'proxy', '-n', '30', '-o', 'json']);
    const rows = JSON.parse(listed.stdout) as { agent: string; message: string; time: string }[];
    assert.deepEqual([...new Set(rows.map(({ agent }) => agent))].sort(), Object.keys(agents));
    assert.deepEqual(
      rows.map(({ time }) => time),
      rows.map(({ time }) => time).sort(),
    );
    assert.equal(rows.length, 30);
    const followed = await runProgram(['timeout', '5', program, 'fleet', 'logs', 'proxy', '-f', '-n', '1', '--labels', 'region=eu'], {
      ...{ env: environment(), timeoutMs: 60_000 },
    });
    assert.ok((followed.stdout.match(/^eu-1 .*tick$/gm)?.length ?? 0) > 4, followed.stdout + followed.stderr);
    assert.ok((followed.stdout.match(/^eu-2 .*tick$/gm)?.length ?? 0) > 4);
    assert.doesNotMatch(followed.stdout, /us-1/);
    const unknown = await run(['fleet', 'logs', 'nobody', '--agents', 'eu-1']);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /eu-1: .*nobody/);
  });

  it('a call goes to all that match: a line each, and what one refuses is no matter of the others', async () => {
    const all = await run(['fleet', 'call', 'AgentService.GetStatus', '-o', 'json']);
    assert.equal(all.code, 0, all.stderr);
    const answers = all.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { agent: string; response: { name: string } });
    assert.deepEqual(
      answers.map(({ agent, response }) => [agent, response.name]).sort(),
      Object.keys(agents).map((name) => [name, name]),
    );
    const input = await run(['fleet', 'call', 'ProcessService.GetProcess', '-d', '-', '--agents', 'us-1'], '{"id": "proxy"}');
    assert.match(input.stdout, /^us-1 {2}OK {2}\{"id":"proxy"/);
    const refused = await run(['fleet', 'call', 'ProcessService.GetProcess', '-d', '{"id": "none"}', '--parallel', '1']);
    assert.equal(refused.code, 1);
    assert.equal(refused.stdout.match(/^\S+ {2}FAILED {2}.*none/gm)?.length, 3);
    const lacking = await run(['fleet', 'call', 'ConfigService.ReloadConfig', '--agents', 'eu-1', '-o', 'json']);
    assert.equal(lacking.code, 1);
    assert.equal((JSON.parse(lacking.stdout) as { error: { reason: string } }).error.reason, 'SCOPE_MISSING');
    for (const [args, why] of [
      [['EventService.WatchEvents'], /is a stream/],
      [['AgentService.GetStatus', '--parallel', '0'], /--parallel begins at 1/],
      [['AgentService.GetStatus', '--agents', 'e.u'], /matches no agent/],
      [['AgentService.GetStatus', '-d', '{'], /not JSON/],
    ] as const) {
      const wrong = await run(['fleet', 'call', ...args]);
      assert.equal(wrong.code, 2, wrong.stderr);
      assert.match(wrong.stderr, why);
    }
  });

  it('service discovery of NATS sees them, with what their calls came to', async () => {
    const connection = await connect({ servers: nats.url });
    const ask = async (subject: string): Promise<Record<string, unknown>[]> => {
      const answers = await connection.requestMany(subject, '', { strategy: 'timer', maxWait: 1500 });
      const found: Record<string, unknown>[] = [];
      for await (const message of answers) found.push(message.json());
      return found;
    };
    const pings = await ask('$SRV.PING');
    assert.deepEqual(
      pings.map(({ id, name, type }) => `${id} ${name} ${type}`).sort(),
      Object.keys(agents).map((id) => `${id} sboxagent io.nats.micro.v1.ping_response`),
    );
    const [info, ...others] = await ask('$SRV.INFO.sboxagent.eu-1');
    assert.deepEqual(others, []);
    assert.match(String(info?.['version']), /^\d+\.\d+\.\d+/);
    assert.deepEqual(info?.['metadata'], { region: 'eu', agent: 'eu-1' });
    assert.deepEqual(info?.['endpoints'], [{ name: 'rpc', subject: 'sboxagent.eu-1.rpc.*.*', queue_group: '' }]);
    const [stats] = await ask('$SRV.STATS.sboxagent.eu-1');
    const [endpoint] = stats?.['endpoints'] as {
      num_requests: number;
      num_errors: number;
      last_error: string;
      average_processing_time: number;
    }[];
    assert.ok(
      endpoint !== undefined && endpoint.num_requests > 3 && endpoint.num_errors >= 2 && endpoint.average_processing_time > 0,
      JSON.stringify(stats),
    );
    assert.match(endpoint.last_error, /status/);
    await connection.close();
  });

  it('an agent that is gone is not waited for, and counts as failed', async () => {
    const edge = daemon('us-1');
    await edge.kill('SIGKILL');
    await until('that it is gone', async () => /us-1 +GONE/.test((await run(['fleet', 'ls'])).stdout));
    const asked = await run(['fleet', 'call', 'AgentService.GetStatus']);
    assert.equal(asked.code, 1);
    assert.match(asked.stdout, /^us-1 {2}FAILED {2}it is GONE since \d+ s/m);
    assert.equal(asked.stdout.match(/^eu-\d {2}OK/gm)?.length, 2);
    const alerts = await run(['fleet', 'alerts', '-o', 'json']);
    assert.equal(alerts.code, 1);
    assert.match(alerts.stderr, /us-1: it is GONE/);
    const alone = await run(['fleet', 'alerts', '--agents', 'us-1']);
    assert.equal(alone.code, 3);
    await until('its event', async () => /us-1/.test((await run(['fleet', 'events', '--type', 'fleet.agent_gone'])).stdout));
    const nobody = await run(['fleet', 'call', 'AgentService.GetStatus', '--agents', 'none-*']);
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /no agent of the fleet matches/);
  });
});
