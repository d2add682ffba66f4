/** Agents called over a real NATS server: by the commands, signed by a key, judged by each agent. */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect } from '@nats-io/transport-node';
import { privateKeyOf, publicTextOf } from '../../src/fleet/client.ts';
import { signCall } from '../../src/fleet/signature.ts';
import { type Daemon, makeDaemon, program, runProgram, until } from '../helpers/daemon.ts';
import { makeNatsServer, type NatsServer, natsServer } from '../helpers/nats-server.ts';

const skip = natsServer === undefined ? 'no nats-server here: .ci/install brings it' : false;
const command = ['/bin/sh', '-c', 'while :; do echo tick; sleep 0.2; done'];

describe('calls over the fleet', { skip }, () => {
  let nats: NatsServer;
  let daemon: Daemon;
  let env: Record<string, string>;
  const keyFile = (name: string): string => join(daemon.dir, `${name}.pem`);

  before(async () => {
    nats = await makeNatsServer();
    await nats.start();
    daemon = await makeDaemon({ config: { agent: { name: 'edge' } } });
    env = { SBOXAGENT_FLEET_SERVERS: nats.url, SBOXAGENT_SIGNING_KEY_FILE: keyFile('ops') };
    const made = async (name: string, scope: string): Promise<object> => {
      const said = await runProgram([program, 'fleet', 'key', keyFile(name), '--name', name, '--scope', scope, '-o', 'json'], { env });
      const { public_key, scopes } = JSON.parse(said.stdout) as { public_key: string; scopes: string[] };
      return { name, public_key, scopes };
    };
    const keys = [await made('ops', 'read,operate'), await made('eyes', 'read')];
    await made('stranger', 'admin');
    const config = JSON.parse(readFileSync(daemon.configPath, 'utf8')) as object;
    const fleet = { servers: [nats.url], heartbeat: '1s', labels: { region: 'eu' }, keys };
    writeFileSync(daemon.configPath, JSON.stringify({ ...config, fleet, processes: { units: { ticker: { command, autostart: true } } } }));
    await daemon.start();
  });
  after(async () => {
    await daemon.dispose();
    await nats.dispose();
  });

  const run = (args: readonly string[], more: Record<string, string> = {}) =>
    runProgram([program, ...args], { env: { ...env, ...more }, timeoutMs: 60_000 });

  it('a private key is its owner’s alone, and never written over', async () => {
    assert.equal(statSync(keyFile('ops')).mode & 0o777, 0o600);
    const again = await run(['fleet', 'key', keyFile('ops')]);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /is there already/);
  });

  it('lists agents and their units', async () => {
    await until('the agent', async () => /edge +UP +HEALTHY +1\/1/.test((await run(['fleet', 'ls'])).stdout));
    assert.match((await run(['fleet', 'ps'])).stdout, /edge +ticker +READY/);
    assert.match((await run(['fleet', 'ps', '--agents', 'ed*', '--labels', 'region in (eu, us), !gpu'])).stdout, /edge +ticker +READY/);
    assert.doesNotMatch((await run(['fleet', 'ls', '--labels', 'region!=eu'])).stdout, /edge/);
    const wrong = await run(['fleet', 'ls', '--labels', 'region>1']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /no requirement of labels/);
  });

  it('every command asks an agent of the fleet: unary calls, streams, and what is refused', async () => {
    assert.match((await run(['ps', '--agent', 'edge'])).stdout, /ticker +READY/);
    const restarted = await run(['restart', 'ticker', '--agent', 'edge', '-o', 'json']);
    assert.equal(restarted.code, 0, restarted.stderr);
    const follow = `${program} logs ticker -f --agent edge | head -n 12`;
    const followed = await runProgram(['sh', '-c', follow], { env, timeoutMs: 60_000 });
    assert.equal(followed.stdout.match(/tick$/gm)?.length, 12, followed.stdout + followed.stderr);
    const unknown = await run(['explain', 'nobody', '--agent', 'edge', '-o', 'json']);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /PROCESS_NOT_FOUND|nobody/);
    const away = await run(['ps', '--agent', 'nowhere']);
    assert.equal(away.code, 3);
    assert.match(away.stderr, /nobody answers/);
  });

  it('an agent judges who calls by its own keys, and by their scopes', async () => {
    const lesser = await run(['restart', 'ticker', '--agent', 'edge'], { SBOXAGENT_SIGNING_KEY_FILE: keyFile('eyes') });
    assert.equal(lesser.code, 1);
    assert.match(lesser.stderr, /lacks the scope operate/);
    const stranger = await run(['ps', '--agent', 'edge'], { SBOXAGENT_SIGNING_KEY_FILE: keyFile('stranger') });
    assert.equal(stranger.code, 1);
    assert.match(stranger.stderr, /not among fleet\.keys/);
    const { json } = await daemon.rest('GET', '/api/v1/audit?filter.principals=fleet:ops');
    const { entries } = json as { entries: { method: string; via: string; code: string }[] };
    assert.ok(
      entries.some(({ method, via, code }) => method.endsWith('RestartProcess') && via === 'nats' && code === 'OK'),
      JSON.stringify(entries),
    );
  });

  it('a call is good once, at its agent, in its minute', async () => {
    const connection = await connect({ servers: nats.url });
    const key = privateKeyOf(readFileSync(keyFile('ops'), 'utf8'));
    const headers = { 'content-type': 'application/json' };
    const subject = 'sboxagent.edge.rpc.AgentService.GetStatus';
    const body = Buffer.from('{}');
    let calls = 0;
    const ask = async (change: { timeMs?: number; nonce?: string; signedSubject?: string }): Promise<string> => {
      const { headers: newHeaders } = await import('@nats-io/transport-node');
      const [timeMs, nonce] = [change.timeMs ?? Date.now(), change.nonce ?? `n${calls++}`];
      const reply = `_INBOX.test.${calls}.${Math.random()}`;
      const all = newHeaders();
      all.set('content-type', headers['content-type']);
      all.set('fleet-key', publicTextOf(key));
      all.set('fleet-time', String(timeMs));
      all.set('fleet-nonce', nonce);
      all.set('fleet-signature', signCall({ subject: change.signedSubject ?? subject, reply, timeMs, nonce, headers, body }, key));
      const answers = connection.subscribe(reply);
      connection.publish(subject, body, { reply, headers: all });
      let text = '';
      for await (const message of answers) {
        text += message.string();
        if (message.headers?.get('fleet-end')) break;
      }
      return text;
    };
    assert.match(await ask({ nonce: 'first' }), /"pid"/);
    assert.match(await ask({ nonce: 'first' }), /made before/);
    assert.match(await ask({ timeMs: Date.now() - 120_000 }), /set the clocks/);
    assert.match(await ask({ signedSubject: 'sboxagent.other.rpc.AgentService.GetStatus' }), /not of this call/);
    await connection.close();
  });
});
