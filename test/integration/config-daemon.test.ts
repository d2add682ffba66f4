/** The agent's configuration through the running daemon: applied live, told once, put back; nobody's calls or streams suffer. */
import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';

let daemon: Daemon;
const file = (): string => readFileSync(daemon.configPath, 'utf8');

// biome-ignore lint/suspicious/noExplicitAny: answers of many forms
async function call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<any> {
  const { status, json, headers: got } = await daemon.rest(method, `/api/v1${path}`, body, headers);
  return { status, json, etag: got.get('etag'), trace: got.get('x-trace-id') };
}

// biome-ignore lint/suspicious/noExplicitAny: events of many forms
async function configEvents(): Promise<any[]> {
  return (await call('GET', '/events?filter.types=config.*&order_by=revision&page_size=1000')).json.events;
}

before(async () => {
  daemon = await makeDaemon();
  const text = `# kept
agent: {name: edge}
api:
  port: ${daemon.port} # the door
  security:
    rate_limit: {enabled: false}
processes:
  units:
    one: # stays
      command: [sleep, "301"]
      autostart: true
`;
  writeFileSync(daemon.configPath, text, { mode: 0o600 });
  await daemon.start();
  await until('the unit', async () => (await call('GET', '/processes/one')).json.pid > 0);
});
after(() => daemon.dispose());

test('a change over REST: written, applied, told once under its trace', async () => {
  const { json: config, etag } = await call('GET', '/config');
  config.document.processes.units.two = { command: ['sleep', '302'], autostart: true };
  const old = file();
  const pid = (await call('GET', '/processes/one')).json.pid;
  const put = await call('PUT', '/config?reason=more', config.document, { 'if-match': etag });
  assert.equal(put.status, 200, JSON.stringify(put.json));
  assert.equal(file(), `${old}    two:\n      command:\n        - sleep\n        - "302"\n      autostart: true\n`);
  await until('the new unit', async () => (await call('GET', '/processes/two')).json.pid > 0);
  assert.equal((await call('GET', '/processes/one')).json.pid, pid, 'the other unit is left alone');
  assert.equal((await call('PUT', '/config', config.document, { 'if-match': etag })).status, 409);
  const events = await configEvents();
  assert.deepEqual(
    events.map((event) => [event.type, event.subject, event.trace_id, event.data.author, event.data.revision]),
    [['config.applied', 'agent', put.trace, 'admin', 2]],
  );
  const back = await call('POST', '/config:rollback', { revision: 1 });
  assert.equal(back.status, 200, JSON.stringify(back.json));
  assert.equal(file(), old);
  await until('the end of the unit', async () => (await call('GET', '/processes/two')).status === 404);
  assert.equal((await call('GET', '/processes/one')).json.pid, pid);
});

test('limits apply at once; a restart is named where one is needed', async () => {
  const mask = (keys: string): string => `/config?update_mask=${keys}`;
  const deep = { type: 'a.b', data: { a: { b: { c: { d: { e: 1 } } } } } };
  const change = await call('PUT', mask('api.limits.json_depth,api.metrics.collection_interval'), {
    api: { limits: { json_depth: 4 }, metrics: { collection_interval: '20s' } },
  });
  assert.deepEqual(
    change.json.changes.map((c: { path: string; effect: string }) => `${c.path} ${c.effect}`),
    ['api.limits.json_depth APPLIED', 'api.metrics.collection_interval RESTART_REQUIRED'],
  );
  assert.equal(change.json.restart_required, true);
  assert.equal((await call('POST', '/events', deep)).status, 400);
  assert.equal((await call('PUT', mask('api.limits.json_depth,api.metrics.collection_interval'), {})).status, 200);
  assert.equal((await call('POST', '/events', deep)).status, 201);
});

test('a broken hand edit: the old one in force, DEGRADED with its line; SIGHUP says nothing twice; mended', async () => {
  const good = file();
  const told = (await configEvents()).length;
  const replace = (text: string): void => {
    writeFileSync(`${daemon.configPath}.new`, text, { mode: 0o600 });
    renameSync(`${daemon.configPath}.new`, daemon.configPath);
  };
  replace(`${good}apis: {}\n`);
  // biome-ignore lint/suspicious/noExplicitAny: components of many forms
  const component = async (): Promise<any> => (await call('GET', '/health')).json.components.find((c: any) => c.name === 'config');
  const sick = await until('DEGRADED', async () => {
    const one = await component();
    return one.status === 'DEGRADED' && one;
  });
  assert.match(sick.message, new RegExp(`${daemon.configPath}:${good.split('\n').length}: apis`));
  process.kill(daemon.pid(), 'SIGHUP');
  const reload = await call('POST', '/config/reload', {});
  assert.deepEqual([reload.status, reload.json.details[0].reason], [400, 'CONFIG_INVALID']);
  assert.equal((await configEvents()).length, told + 1);
  replace(good.replace('name: edge', 'name: edge, log_level: debug'));
  await until('HEALTHY', async () => (await component()).status === 'HEALTHY');
  await until('config.applied', async () => (await configEvents()).length > told + 1);
  const events = (await configEvents()).slice(told);
  assert.deepEqual(
    events.map((event) => [event.type, event.data.author, event.data.applied]),
    [
      ['config.rejected', 'file', undefined],
      ['config.applied', 'file', ['agent.log_level']],
    ],
  );
  replace(good);
  await until('the old level', async () => (await call('GET', '/config')).json.document.agent.log_level === 'info');
});

test('twenty changes under calls and a stream: none of them fails', { timeout: 60_000 }, async () => {
  const ending = new AbortController();
  const headers = { authorization: `Bearer ${daemon.token()}`, accept: 'application/x-ndjson' };
  const stream = await fetch(`${daemon.base}/api/v1/events:watch?filter.types=config.applied`, { headers, signal: ending.signal });
  let seen = '';
  const reading = (async () => {
    for await (const chunk of stream.body ?? []) seen += Buffer.from(chunk).toString();
  })().catch((error: Error) => error);
  const statuses = new Map<number, number>();
  let going = true;
  const caller = (async () => {
    while (going) {
      const { status } = await call('GET', '/processes');
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      await sleep(5);
    }
  })();
  for (let n = 0; n < 20; n++) {
    const { status } = await call('PUT', '/config?update_mask=api.limits.connections', { api: { limits: { connections: 300 + n } } });
    assert.equal(status, 200);
  }
  await until('the last event', () => seen.split('"config.applied"').length === 21);
  going = false;
  await caller;
  assert.deepEqual([...statuses.keys()], [200]);
  ending.abort();
  await reading;
});
