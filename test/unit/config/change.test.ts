import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JsonObject } from '../../../src/events/types.ts';
import { AgentError } from '../../../src/kernel/errors.ts';
import { caller, configRoom, plainUpdate } from '../../helpers/config-room.ts';

const token = 'kQ7vXw2LmN9pRs4TzB6cDf8GhJ1yUeA3';
const file = `# The agent of the edge
agent:
  name: edge # shown in status

api:
  port: 8080
  security:
    auth_token: ${token}   # rotated in May
    # slow clients
    rate_limit: {requests_per_minute: 600, burst: 20}
  limits:
    message_bytes: 1048576
processes:
  units:
    edge.eu: # the proxy
      command: [sleep, "300"]
      env: {API_TOKEN: hunter2hunter2, COLOUR: red}
`;

function withValue(document: JsonObject, path: readonly string[], value: unknown): JsonObject {
  const copy = structuredClone(document) as Record<string, unknown>;
  let at = copy;
  for (const name of path.slice(0, -1)) {
    at[name] ??= {};
    at = at[name] as Record<string, unknown>;
  }
  const name = path.at(-1) ?? '';
  if (value === undefined) delete at[name];
  else at[name] = value;
  return copy as JsonObject;
}

test('the effective document has no secret, and its source key by key', async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file }, { env: { SBOXAGENT_LOGS_FILES: '5' } });
  const { document, sources, revision, etag, yaml } = room.config.get();
  const text = JSON.stringify([document, yaml]);
  assert.ok(!text.includes(token) && !text.includes('hunter2'));
  assert.equal(yaml, file.replace(token, '"***"').replace('hunter2hunter2', '"***"'));
  assert.equal(sources['api.port'], room.path);
  assert.equal(sources['logs.files'], 'env SBOXAGENT_LOGS_FILES');
  assert.equal(sources['api.host'], 'default');
  assert.equal(revision, 1);
  assert.match(etag, /^[0-9a-f]{16}$/);
  const [first] = await room.config.revisions({ limit: 10 });
  assert.deepEqual({ author: first?.author, etag: first?.etag, changes: first?.changes }, { author: 'file', etag, changes: [] });
});

test('read, change one value, write back: one line of the file', async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file });
  chmodSync(room.path, 0o600);
  const { document, etag } = room.config.get();
  const next = withValue(document, ['api', 'limits', 'json_depth'], 16);
  const change = await room.config.update(
    { document: withValue(next, ['api', 'security', 'rate_limit', 'burst'], 30) },
    { ...plainUpdate, etag },
  );
  assert.equal(
    room.read(),
    file.replace('burst: 20', 'burst: 30').replace('message_bytes: 1048576\n', 'message_bytes: 1048576\n    json_depth: 16\n'),
  );
  assert.deepEqual(change.changes, [
    { path: 'api.limits.json_depth', oldValue: 32, newValue: 16, effect: 'APPLIED' },
    { path: 'api.security.rate_limit.burst', oldValue: 20, newValue: 30, effect: 'APPLIED' },
  ]);
  assert.equal(change.revision, 2);
  assert.notEqual(change.etag, etag);
  assert.equal(change.restartRequired, false);
  assert.equal(room.applied.at(-1)?.settings.api.limits.jsonDepth, 16);
  assert.equal(room.applied.at(-1)?.settings.api.security.authToken, token);
  assert.equal(statSync(room.path).mode & 0o777, 0o600);
  assert.deepEqual(room.events, [
    {
      type: 'config.applied',
      subject: 'agent',
      data: {
        applied: ['api.limits.json_depth', 'api.security.rate_limit.burst'],
        restart_required: [],
        revision: 2,
        author: 'ops',
        reason: 'because',
      },
      traceId: caller.traceId,
    },
  ]);
});

test('writing back what was read changes nothing: no write, no revision, no event', async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file });
  const { document, yaml, etag } = room.config.get();
  const before = statSync(room.path).ino;
  for (const candidate of [{ document }, { yaml }]) {
    const change = await room.config.update(candidate, plainUpdate);
    assert.deepEqual(change, { revision: 1, etag, changes: [], restartRequired: false });
  }
  assert.equal(statSync(room.path).ino, before);
  assert.equal(room.read(), file);
  assert.deepEqual([room.events, room.applied], [[], []]);
});

test('another notation of the same value is no change', async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file });
  const document = withValue(
    withValue(room.config.get().document, ['api', 'limits', 'message_bytes'], '1024KiB'),
    ['api', 'limits', 'idle_timeout'],
    '1m',
  );
  assert.deepEqual((await room.config.update({ document }, plainUpdate)).changes, []);
  assert.equal(room.read(), file);
});

test('a changed secret is told as *** and written as it came; one that came as *** stays', async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file });
  const fresh = `${token}x`;
  const one = await room.config.update(
    { document: withValue(room.config.get().document, ['api', 'security', 'auth_token'], fresh) },
    plainUpdate,
  );
  assert.deepEqual(one.changes, [{ path: 'api.security.auth_token', oldValue: '***', newValue: '***', effect: 'APPLIED' }]);
  assert.equal(room.read(), file.replace(token, fresh));
  const two = await room.config.update({ yaml: room.config.get().yaml.replace('COLOUR: red', 'COLOUR: blue') }, plainUpdate);
  assert.equal(room.read(), file.replace(token, fresh).replace('red', 'blue'));
  assert.deepEqual(
    two.changes.map(({ path }) => path),
    ['processes.units.edge.eu.env.COLOUR'],
  );
  assert.ok(!JSON.stringify([room.events, await room.config.revisions({ limit: 10 })]).includes(token));
});

test('a mask replaces its keys alone; one that the document lacks goes back to its default', async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file });
  const mask = ['api.limits.message_bytes', 'api.port', 'processes.units.edge.eu.env'];
  const document = {
    api: { port: 9090, host: 'ignored' },
    processes: { units: { 'edge.eu': { env: { COLOUR: 'red', API_TOKEN: '***', NEW: '1' } } } },
  };
  const change = await room.config.update({ document }, { ...plainUpdate, mask });
  assert.deepEqual(
    change.changes.map(({ path, effect }) => `${path} ${effect}`),
    ['api.port RESTART_REQUIRED', 'processes.units.edge.eu.env.NEW APPLIED'],
  );
  assert.equal(change.restartRequired, true);
  assert.equal(
    room.read(),
    file.replace('8080', '9090').replace('  limits:\n    message_bytes: 1048576\n', '').replace('red}', 'red, NEW: "1"}'),
  );
  await assert.rejects(room.config.update({ document }, { ...plainUpdate, mask: ['api.prot'] }), { reason: 'INVALID_REQUEST' });
  const back = await room.config.update({ document: { api: { port: 8080 } } }, { ...plainUpdate, mask: ['api.port'] });
  assert.equal(back.changes[0]?.effect, 'APPLIED', 'what the agent was started with is in force');
});

test('older and shorter names of keys stay as the file has them', async () => {
  const named = 'api.limits: {json_depth: 9}\napi:\n  websocket: {ping_interval: 20s}\n  allowed_hosts: [a.example] # one\n';
  await using room = await configRoom({ 'sboxagent.yaml': named });
  const { document } = room.config.get();
  await room.config.update({ document }, plainUpdate);
  assert.equal(room.read(), named);
  const next = withValue(withValue(document, ['api', 'streams', 'ping_interval'], '5s'), ['api', 'limits', 'json_depth'], 8);
  await room.config.update({ document: withValue(next, ['api', 'streams', 'max_connections'], 7) }, plainUpdate);
  assert.equal(room.read(), named.replace('9}', '8}').replace('20s}', '5s, max_connections: 7}'));
});

test("a mask that leads below a value is the caller's fault, not ours", async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file });
  const document = { api: { port: { a: 1 } } };
  await assert.rejects(room.config.update({ document }, { ...plainUpdate, mask: ['api.port.a'] }), { reason: 'CONFIG_INVALID' });
  assert.equal(room.read(), file);
});

test('units come and go without the others', async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file });
  const { document } = room.config.get();
  const added = await room.config.update(
    { document: withValue(document, ['processes', 'units', 'dns'], { command: ['sleep', '1'], autostart: true }) },
    plainUpdate,
  );
  assert.deepEqual(
    added.changes.map(({ path }) => path),
    ['processes.units.dns.autostart', 'processes.units.dns.command'],
  );
  assert.match(room.read(), /\n {4}dns:\n {6}command:\n {8}- sleep\n {8}- "1"\n {6}autostart: true\n/);
  await room.config.update({ document }, plainUpdate);
  assert.equal(room.read(), file);
});

test('a probe that is all said by {} comes, is told, stays and goes', async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file });
  const unit = { engine: 'sing-box', binary: '/bin/true', config_path: '/tmp/edge.json' };
  const mask = ['processes.units.dns'];
  const asked = { processes: { units: { dns: { ...unit, probes: { readiness: { engine: {} } } } } } };
  const key = 'processes.units.dns.probes.readiness.engine';
  const added = await room.config.update({ document: asked }, { ...plainUpdate, mask });
  assert.ok(added.changes.some(({ path, newValue }) => path === key && JSON.stringify(newValue) === '{}'));
  assert.match(room.read(), /\n {6}probes:\n {8}readiness:\n {10}engine: \{\}\n/);
  const { document } = room.config.get();
  assert.deepEqual((await room.config.update({ document }, plainUpdate)).changes, []);
  const without = await room.config.update({ document: { processes: { units: { dns: unit } } } }, { ...plainUpdate, mask });
  assert.deepEqual(
    without.changes.map(({ path }) => path),
    [key],
  );
  assert.doesNotMatch(room.read(), /probes/);
});

test('an unknown key of a unit that says nothing is a mistake too', async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file });
  const wrong = [{ probes: { alive: {} } }, { probs: null }, { restart: { polici: {} } }, { restart: { policy: { x: {} } } }];
  for (const keys of wrong) {
    const document = { processes: { units: { dns: { command: ['sleep', '1'], ...keys } } } };
    const update = room.config.update({ document }, { ...plainUpdate, mask: ['processes.units.dns'] });
    await assert.rejects(update, { reason: 'CONFIG_INVALID' }, JSON.stringify(keys));
  }
  assert.equal(room.read(), file);
  const blank = { command: ['sleep', '1'], env: {}, restart: {}, limits: { core: null }, probes: {} };
  await room.config.update({ document: { processes: { units: { dns: blank } } } }, { ...plainUpdate, mask: ['processes.units.dns'] });
});

test('the environment stands above the file: written, and unchanged', async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file }, { env: { SBOXAGENT_API_LIMITS_JSON_DEPTH: '20' } });
  const change = await room.config.update(
    { document: { api: { limits: { json_depth: 10 } } } },
    { ...plainUpdate, mask: ['api.limits.json_depth'] },
  );
  assert.deepEqual(change.changes, [{ path: 'api.limits.json_depth', oldValue: undefined, newValue: 10, effect: 'UNCHANGED' }]);
  assert.match(room.read(), /json_depth: 10\n/);
  assert.deepEqual(room.events, []);
});

test('what is refused changes nothing, and says file, line, key', async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file });
  const bad = `${file}events:\n  durability: perhaps\n  prot: 1\n`;
  const refusal = await room.config.update({ yaml: bad }, plainUpdate).then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(refusal instanceof AgentError);
  assert.equal(refusal.reason, 'CONFIG_INVALID');
  const line = String(file.split('\n').length + 1);
  assert.deepEqual(refusal.metadata, { file: 'document', line, key: 'events.durability' });
  assert.deepEqual(
    refusal.violations.map(({ field, rule }) => [field, rule]),
    [
      ['events.durability', 'range'],
      ['events.prot', 'unknown_key'],
    ],
  );
  assert.match(refusal.violations[0]?.message ?? '', new RegExp(`^document:${line}: "perhaps" is not one of`));
  assert.equal(room.read(), file);
  assert.deepEqual(
    room.events.map(({ type, subject, severity, traceId }) => [type, subject, severity, traceId]),
    [['config.rejected', 'agent', 'WARNING', caller.traceId]],
  );
  await assert.rejects(room.config.update({ document: { api: { port: 'x' } } }, { ...plainUpdate, validateOnly: true }), {
    reason: 'CONFIG_INVALID',
    metadata: { file: room.path, line: '6', key: 'api.port' },
  });
  assert.equal(room.events.length, 1);
  assert.equal(room.config.health().status, 'HEALTHY');
  assert.deepEqual([readdirSync(room.dir), room.applied], [['sboxagent.yaml'], []]);
});

test('validate tells every problem of texts that are no YAML too', async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file });
  assert.deepEqual(room.config.validate({ yaml: file }), []);
  for (const [yaml, line, rule] of [
    ['a: [1', 1, 'syntax'],
    [`${'{'.repeat(1000)}`, 1, 'syntax'],
    ['api:\n  port: 1\n  port: 2\n', 3, 'syntax'],
    ['- a\n', 1, 'syntax'],
    ['api:\n  port: 1e9\n', 2, 'range'],
    ['api:\n  tls: {cert_file: /no}\n', 2, 'unfit'],
  ] as const) {
    const [problem] = room.config.validate({ yaml });
    assert.deepEqual([problem?.file, problem?.line, problem?.rule], ['document', line, rule], `${yaml.slice(0, 30)}: ${problem?.message}`);
  }
  assert.equal(room.config.validate({ document: { api: 5 } })[0]?.path, 'api');
});

test('a stale etag, a dry run, an agent without a file', async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file });
  const { etag } = room.config.get();
  const document = { agent: { log_level: 'debug' } };
  const dry = await room.config.update({ document }, { ...plainUpdate, mask: ['agent.log_level'], validateOnly: true });
  assert.deepEqual([dry.changes.length, dry.revision, room.read()], [1, 1, file]);
  await room.config.update({ document }, { ...plainUpdate, mask: ['agent.log_level'], etag });
  await assert.rejects(room.config.update({ document: {} }, { ...plainUpdate, etag }), { reason: 'ETAG_STALE' });
  await using none = await configRoom({});
  await assert.rejects(none.config.update({ document }, plainUpdate), { reason: 'CONFIG_NOT_MANAGED' });
  assert.equal(none.config.get().yaml, '');
  assert.deepEqual(none.config.validate({ document }), []);
  assert.deepEqual(none.config.validate({ yaml: 'api:\n  prot: 1\n' })[0]?.line, 2);
});

test('what cannot be applied is put back', async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file });
  room.failure = new AgentError('CONFIG_INVALID', 'no such user');
  const document = { agent: { log_level: 'debug' } };
  await assert.rejects(room.config.update({ document }, { ...plainUpdate, mask: ['agent.log_level'] }), { reason: 'CONFIG_INVALID' });
  assert.equal(room.read(), file);
  assert.equal(room.applied.at(-1)?.settings.agent.logLevel, 'info');
  assert.equal(room.config.get().revision, 1);
  assert.equal((await room.config.revisions({ limit: 10 })).length, 1);
  assert.deepEqual(
    room.events.map(({ type }) => type),
    ['config.rejected'],
  );
  assert.ok(!existsSync(join(room.stateDir, 'backups/agent/pending.json')));
});

test('a linked file stays linked', async () => {
  await using room = await configRoom({ 'sboxagent.yaml': file });
  const real = join(room.stateDir, 'real.yaml');
  writeFileSync(real, file, { mode: 0o600 });
  const link = join(room.dir, 'agent.yaml');
  symlinkSync(real, link);
  rmSync(room.path);
  symlinkSync(real, room.path);
  await room.config.update({ document: { agent: { log_level: 'warn' } } }, { ...plainUpdate, mask: ['agent.log_level'] });
  assert.match(readFileSync(real, 'utf8'), /log_level: warn/);
  assert.match(room.read(), /log_level: warn/);
});

test('secrets in arguments are shown to nobody, and stay where the words around them change', async () => {
  const command = 'command: [run, --token, first-secret, -H, "X-Api-Key: second", --password, "third", -v]';
  await using room = await configRoom({ 'sboxagent.yaml': `processes:\n  units:\n    edge:\n      ${command}\n` });
  const { document, yaml } = room.config.get();
  assert.ok(!/first-secret|second|third/.test(JSON.stringify([document, yaml])));
  const path = ['processes', 'units', 'edge', 'command'];
  const shown = ['run', '--token', '***', '-H', 'X-Api-Key: ***', '--password', '***', '-vv'];
  await room.config.update({ document: withValue(document, path, shown) }, plainUpdate);
  assert.match(room.read(), /first-secret.*second.*third.*-vv/s);
  await room.config.update({ yaml: room.config.get().yaml.replace('-vv', '-q') }, plainUpdate);
  assert.match(room.read(), /first-secret.*second.*third.*-q/s);
  const moved = ['run', '--password', '***', '--token', '***'];
  await room.config.update({ document: withValue(room.config.get().document, path, moved) }, plainUpdate);
  assert.match(room.read(), /--password.*third.*--token.*first-secret/s);
});

test('a byte order mark, line ends and anchors stay, whichever way a change comes', async () => {
  const text =
    '\uFEFFagent: {name: edge}\r\nprocesses:\r\n  units:\r\n    a: &a {command: [sleep, "1"], autostart: false}\r\n    b: *a\r\n';
  await using room = await configRoom({ 'sboxagent.yaml': text });
  const { document, yaml } = room.config.get();
  assert.equal(yaml, text.slice(1));
  const next = withValue(document, ['processes', 'units', 'b', 'autostart'], true);
  await room.config.update({ document: next }, plainUpdate);
  assert.equal(room.read(), text.replace('b: *a', 'b: { command: [sleep, "1"], autostart: true }'));
  await room.config.update({ yaml: room.config.get().yaml.replace('edge', 'north') }, plainUpdate);
  assert.ok(room.read().startsWith('\uFEFFagent: {name: north}\r\n'));
  await room.config.rollback(1, caller);
  assert.equal(room.read(), text);
});
