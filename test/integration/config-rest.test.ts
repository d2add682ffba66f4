import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigService } from '../../gen/es/sboxagent/v1/config_service_pb.js';
import { configService } from '../../src/api/services/config-service.ts';
import { serveService } from '../helpers/api-server.ts';
import { type ConfigRoom, configRoom } from '../helpers/config-room.ts';

const file = `# ours
agent: {name: edge}
api:
  port: 8080 # the door
  security:
    auth_token: kQ7vXw2LmN9pRs4TzB6cDf8GhJ1yUeA3
processes:
  units:
    edge-1:
      command: [sleep, "300"]
      env: {API_KEY: hunter2, COLOUR: red}
`;

interface Door {
  readonly room: ConfigRoom;
  call(method: string, path: string, options?: { body?: string; type?: string; headers?: Record<string, string> }): Promise<Answer>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many forms
  readonly json: any;
}

/** The room behind the front door. */
async function door(files: Readonly<Record<string, string>> = { 'sboxagent.yaml': file }): Promise<Door> {
  const room = await configRoom(files);
  const server = await serveService(ConfigService, configService({ config: room.config }));
  return {
    room,
    async call(method, path, { body, type = 'application/json', headers = {} } = {}) {
      const sent = body === undefined ? {} : { body, headers: { 'content-type': type, ...headers } };
      const res = await fetch(`${server.url}/api/v1${path}`, { method, headers, ...sent });
      const text = await res.text();
      const json: unknown = (res.headers.get('content-type') ?? '').includes('json') ? JSON.parse(text) : undefined;
      return { status: res.status, headers: res.headers, text, json };
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await room[Symbol.asyncDispose]();
    },
  };
}

test('GET /config: JSON with an ETag, or the file itself', async () => {
  await using at = await door();
  const json = await at.call('GET', '/config');
  assert.equal(json.status, 200);
  assert.equal(json.json.document.api.security.auth_token, '***');
  assert.equal(json.json.sources['api.port'], at.room.path);
  assert.equal(json.json.revision, 1);
  assert.equal(json.headers.get('etag'), `"${json.json.etag}"`);
  const yaml = await at.call('GET', '/config', { headers: { accept: 'application/yaml' } });
  assert.equal(yaml.headers.get('content-type'), 'application/yaml');
  assert.equal(yaml.headers.get('etag'), json.headers.get('etag'));
  assert.equal(yaml.text, file.replace('kQ7vXw2LmN9pRs4TzB6cDf8GhJ1yUeA3', '"***"').replace('hunter2', '"***"'));
  assert.ok((await at.call('GET', '/config', { headers: { accept: 'application/json, application/yaml;q=0.5' } })).json);
});

test('PUT /config: the body is the document, as JSON or as YAML; If-Match guards it', async () => {
  await using at = await door();
  const { json, headers } = await at.call('GET', '/config');
  const etag = headers.get('etag') ?? '';
  json.document.agent.log_level = 'debug';
  const put = await at.call('PUT', '/config?reason=look%20closer', { body: JSON.stringify(json.document), headers: { 'if-match': etag } });
  assert.deepEqual(
    [put.status, put.json.changes],
    [200, [{ path: 'agent.log_level', old_value: 'info', new_value: 'debug', effect: 'APPLIED' }]],
  );
  assert.equal(put.headers.get('etag'), `"${put.json.etag}"`);
  assert.equal(at.room.read(), file.replace('name: edge', 'name: edge, log_level: debug'));
  for (const stale of [etag, `W/${etag}`, etag.slice(1, -1)]) {
    const refused = await at.call('PUT', '/config', { body: '{}', headers: { 'if-match': stale } });
    assert.deepEqual([refused.status, refused.json.code, refused.json.details[0].reason], [409, 'aborted', 'ETAG_STALE']);
  }
  // An empty etag beside the header does not switch it off, and an empty header is a mistake.
  const beside = await at.call('PUT', '/config?etag=', { body: '{}', headers: { 'if-match': etag } });
  assert.deepEqual([beside.status, beside.json.details[0].reason], [409, 'ETAG_STALE']);
  for (const empty of ['""', 'W/""']) {
    const refused = await at.call('PUT', '/config', { body: '{}', headers: { 'if-match': empty } });
    assert.deepEqual([refused.status, refused.json.details[1].field_violations[0].field], [400, 'If-Match']);
  }
  const text = `${at.room.read()}# seen\nlogs: {files: 3}\n`;
  for (const [index, type] of ['application/yaml', 'text/yaml', 'application/x-yaml', 'text/yaml; charset=utf-8'].entries()) {
    const yaml = await at.call('PUT', '/config', { body: text.replace('3', String(3 + index)), type, headers: { 'if-match': '*' } });
    assert.equal(yaml.status, 200, yaml.text);
    assert.equal(yaml.json.revision, 3 + index);
  }
  assert.equal(at.room.read(), text.replace('3', '6'));
  const { json: list } = await at.call('GET', '/config/revisions?page_size=2');
  assert.deepEqual([list.revisions.map((r: { revision: number }) => r.revision), list.revisions[0].author], [[6, 5], 'tester']);
  const { json: rest } = await at.call('GET', `/config/revisions?page_token=${list.next_page_token}`);
  assert.deepEqual(
    rest.revisions.map((r: { revision: number; reason: string; author: string }) => [r.revision, r.author, r.reason]),
    [
      [4, 'tester', ''],
      [3, 'tester', ''],
      [2, 'tester', 'look closer'],
      [1, 'file', ''],
    ],
  );
});

test('update_mask in the query: keys as they stand, capitals and hyphens too', async () => {
  await using at = await door();
  const body = JSON.stringify({
    api: { limits: { json_depth: 8 } },
    processes: { units: { 'edge-1': { env: { API_KEY: 'x'.repeat(9) } } } },
  });
  const put = await at.call('PUT', '/config?update_mask=api.limits.json_depth,api.port&update_mask=processes.units.edge-1.env.API_KEY', {
    body,
  });
  assert.equal(put.status, 200, put.text);
  assert.equal(
    at.room.read(),
    file
      .replace('8080 # the door\n', '')
      .replace('  port: ', '')
      .replace('hunter2', 'xxxxxxxxx')
      .replace('B6cDf8GhJ1yUeA3\n', 'B6cDf8GhJ1yUeA3\n  limits:\n    json_depth: 8\n'),
  );
  assert.equal((await at.call('PUT', '/config?update_mask=api.nothing', { body })).status, 400);
});

test('what is bad is 400 with its keys; validate answers instead; other media types are 415', async () => {
  await using at = await door();
  const bad = `${file}events:\n  durability: perhaps\n`;
  const line = bad.split('\n').length - 1;
  const put = await at.call('PUT', '/config', { body: bad, type: 'application/yaml' });
  const [info, request] = put.json.details;
  assert.deepEqual(
    [put.status, info.reason, info.metadata],
    [400, 'CONFIG_INVALID', { file: 'document', line: String(line), key: 'events.durability' }],
  );
  assert.equal(request.field_violations[0].field, 'events.durability');
  const valid = await at.call('POST', '/config:validate', { body: bad, type: 'application/yaml' });
  assert.equal(valid.status, 200);
  assert.equal(valid.json.valid, false);
  assert.deepEqual(
    [valid.json.violations[0].path, valid.json.violations[0].line, valid.json.violations[0].rule],
    ['events.durability', line, 'range'],
  );
  assert.deepEqual((await at.call('POST', '/config:validate', { body: '{"agent":{}}' })).json, { valid: true, violations: [] });
  for (const type of ['application/xml', 'application/x-www-form-urlencoded', 'application/yaml; charset=latin1']) {
    const refused = await at.call('PUT', '/config', { body: 'a', type });
    assert.deepEqual([refused.status, refused.json.details[0].reason], [415, 'MEDIA_TYPE_UNSUPPORTED']);
  }
  for (const body of ['[]', '"x"', 'null']) assert.equal((await at.call('PUT', '/config', { body })).status, 400);
  assert.equal((await at.call('PUT', '/config?yaml=x', { body: '{}' })).status, 400);
  assert.equal((await at.call('PUT', '/config?validate_only=true', { body: '{"api":{"port":1}}' })).json.changes.length > 0, true);
  assert.equal(at.room.read(), file);
});

test('rollback puts the files of a revision back; reload finds nothing new', async () => {
  await using at = await door();
  await at.call('PUT', '/config?update_mask=api.port', { body: '{"api":{"port":9000}}' });
  const back = await at.call('POST', '/config:rollback', { body: '{"revision":1,"reason":"too early"}' });
  assert.deepEqual(
    [back.status, back.json.revision, back.json.changes[0]],
    [200, 3, { path: 'api.port', old_value: 9000, new_value: 8080, effect: 'APPLIED' }],
  );
  assert.equal(at.room.read(), file);
  assert.deepEqual((await at.call('POST', '/config/reload')).json.changes, []);
  assert.equal((await at.call('POST', '/config:rollback', { body: '{"revision":99}' })).status, 404);
  const [, rolled] = at.room.events;
  assert.equal(rolled?.data?.['restored_revision'], 1);
});

test('a number that would be rounded is refused, and named', async () => {
  await using at = await door();
  for (const number of ['12345678901234567890', '1e999', '0.12345678901234567891']) {
    const body = `{"logs": {"files": ${number}}, "agent": {"name": "9007199254740993"}}`;
    const refused = await at.call('PUT', '/config?update_mask=logs.files', { body });
    assert.equal(refused.status, 400);
    assert.match(refused.text, new RegExp(`${number} would be rounded`));
  }
  assert.equal((await at.call('PUT', '/config?update_mask=logs.files', { body: '{"logs": {"files": 1.20e1}}' })).status, 200);
  assert.match(at.room.read(), /files: 12\n/);
});
