/** `sboxagent config` over gRPC against the service and the room, with real files. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigService } from '../../gen/es/sboxagent/v1/config_service_pb.js';
import { configService } from '../../src/api/services/config-service.ts';
import { serveService } from '../helpers/api-server.ts';
import { type CliResult, cli } from '../helpers/cli-io.ts';
import { type ConfigRoom, configRoom } from '../helpers/config-room.ts';

const file = `# ours
agent: {name: edge}
api:
  port: 8080 # the door
  security:
    auth_token: kQ7vXw2LmN9pRs4TzB6cDf8GhJ1yUeA3
processes:
  units:
    edge.eu:
      command: [sleep, "300"]
`;

interface Door {
  readonly room: ConfigRoom;
  run(...argv: readonly string[]): Promise<CliResult>;
  [Symbol.asyncDispose](): Promise<void>;
}

async function door(): Promise<Door> {
  const room = await configRoom({ 'sboxagent.yaml': file });
  const server = await serveService(ConfigService, configService({ config: room.config }));
  const target = new URL(server.url).host;
  return {
    room,
    run: (...argv) => cli(['config', ...argv, '--target', target]),
    async [Symbol.asyncDispose]() {
      await server.close();
      await room[Symbol.asyncDispose]();
    },
  };
}

test('get: all keys with their sources, one value, a part, the file', async () => {
  await using at = await door();
  const set = await at.run('get');
  assert.match(set.out, new RegExp(`^api\\.port +8080 +${at.room.path}$`, 'm'));
  assert.doesNotMatch(set.out, / default$/m);
  const all = await at.run('get', '--all');
  assert.match(all.out, / default$/m);
  assert.equal(all.code, 0, all.err);
  assert.match(all.out, /^KEY +VALUE +SOURCE\n/);
  assert.match(all.out, new RegExp(`^api.port +8080 +${at.room.path}$`, 'm'));
  assert.match(all.out, /^api\.security\.auth_token +\*\*\* /m);
  assert.equal((await at.run('get', 'api.port')).out, '8080\n');
  assert.match((await at.run('get', 'processes.units.edge.eu')).out, /^processes\.units\.edge\.eu\.command +\["sleep","300"\] /m);
  assert.deepEqual(JSON.parse((await at.run('get', 'api.limits', '-o', 'json')).out).json_depth, 32);
  assert.equal((await at.run('get', '--yaml')).out, file.replace(/auth_token: .*/, 'auth_token: "***"'));
  const none = await at.run('get', 'api.prot');
  assert.deepEqual([none.code, none.out], [1, '']);
});

test('set: keys of the file, with a reason; --dry-run; null brings the default back', async () => {
  await using at = await door();
  const dry = await at.run('set', 'api.port=9090', '--dry-run');
  assert.match(
    dry.out,
    /^api\.port +8080 +9090 +WOULD NEED RESTART\nnothing was written\nthe rest would take effect after a restart of the agent\n/m,
  );
  assert.equal(at.room.read(), file);
  const done = await at.run('set', 'api.limits.json_depth=8', 'processes.units.edge.eu.autostart=true', '--reason', 'tests');
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /revision 2 is in effect\n$/);
  assert.equal(
    at.room.read(),
    file.replace('yUeA3\n', 'yUeA3\n  limits:\n    json_depth: 8\n').replace('"300"]\n', '"300"]\n      autostart: true\n'),
  );
  assert.equal((await at.run('set', 'api.limits.json_depth=null', 'processes.units.edge.eu.autostart=null')).code, 0);
  assert.equal(at.room.read(), file);
  assert.equal((await at.run('set', 'api.limits.json_depth=32')).out, 'nothing changed; revision 3 is in effect\n');
  const bad = await at.run('set', 'api.port=high');
  assert.deepEqual([bad.code, bad.out], [1, '']);
  assert.match(bad.err, /sboxagent\.yaml:4: api\.port: "high" is not a whole number/);
  assert.equal((await at.run('set', 'nonsense')).code, 2);
  const history = await at.run('history');
  assert.match(history.out, /^2 .* tester +api\.limits\.json_depth, processes\.units\.edge\.eu\.autostart +tests$/m);
  assert.equal(JSON.parse((await at.run('history', '-n', '2', '-o', 'json')).out).length, 2);
});

test('validate: file, line, key and problem; 1 when it is not fit', async () => {
  await using at = await door();
  const path = join(at.room.stateDir, 'candidate.yaml');
  writeFileSync(path, `${file}events: {prot: 1}\nlogs:\n  files: 1\n`);
  const bad = await at.run('validate', path);
  assert.equal(bad.code, 1);
  assert.match(bad.out, new RegExp(`^${path}:11: events\\.prot: unknown key.*\n${path}:13: logs\\.files: `));
  writeFileSync(path, file);
  assert.deepEqual(await at.run('validate', path), { code: 0, out: `${path}: fit\n`, err: '' });
  assert.equal((await at.run('validate', `${path}.gone`)).code, 2);
  assert.equal(at.room.events.length, 0);
});

test('reload, diff, rollback', async () => {
  await using at = await door();
  assert.equal((await at.run('reload')).out, 'nothing changed; revision 1 is in effect\n');
  at.room.write(file.replace('8080', '9000'));
  assert.match((await at.run('reload')).out, /^api\.port +8080 +9000 +RESTART_REQUIRED\nrevision 2 is in effect\nrestart the agent/m);
  await at.run('set', 'api.port=9001');
  await at.run('set', 'logs.files=5');
  assert.match((await at.run('diff')).out, /^logs\.files +10 +5 +APPLIED\n$/m);
  assert.match((await at.run('diff', '1')).out, /^api\.port +8080 +9001 .*\nlogs\.files +10 +5 +APPLIED\n$/m);
  assert.match((await at.run('diff', '2', '3')).out, /^api\.port +9000 +9001 +RESTART_REQUIRED\n$/m);
  assert.deepEqual([(await at.run('diff', '3', '2')).code, (await at.run('diff', '77')).code, (await at.run('diff', 'x')).code], [2, 1, 2]);
  const back = await at.run('rollback', '1', '--reason', 'no');
  assert.equal(back.code, 0, back.err);
  assert.equal(at.room.read(), file);
  const gone = await at.run('rollback', '50');
  assert.deepEqual([gone.code, /CONFIG_REVISION_NOT_FOUND/.test(gone.err)], [1, true]);
  at.room.write('api: [');
  const broken = await at.run('reload');
  assert.equal(broken.code, 1);
  assert.match(broken.err, /sboxagent\.yaml:1: not valid YAML/);
});

test('set: the type of the key says what a value is, and nothing is rounded', async () => {
  await using at = await door();
  const set = async (word: string): Promise<CliResult> => at.run('set', word);
  for (const word of [
    'agent.name=1.10',
    'processes.units.edge.eu.env.V=1.10',
    'processes.units.edge.eu.env.M=12345678901234567890',
    'processes.units.edge.eu.env.B=true',
  ]) {
    const done = await set(word);
    assert.equal(done.code, 0, done.err);
  }
  assert.match(at.room.read(), /name: "1\.10"/);
  assert.match(at.room.read(), /V: "1\.10"\n\s+M: "12345678901234567890"\n\s+B: "true"\n/);
  const { env } = (at.room.config.get().document['processes'] as { units: Record<string, { env: unknown }> }).units['edge.eu'] ?? {};
  assert.deepEqual(env, { V: '1.10', M: '12345678901234567890', B: 'true' });
  assert.equal((await set('telemetry.sample_ratio=0.50')).code, 0);
  assert.match(at.room.read(), /sample_ratio: 0\.5\n/);
  const rounded = await set('api.limits.message_bytes=12345678901234567890');
  assert.deepEqual([rounded.code, /not a size|not a whole number/.test(rounded.err)], [1, true], rounded.err);
});
