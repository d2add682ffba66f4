import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { fakes, processView } from '../helpers/api-fakes.ts';
import { serveApi } from '../helpers/api-server.ts';

const fake = fakes();
for (const id of ['a', 'b', 'c']) fake.supervisor.set(processView(id));
const server = await serveApi(fake.deps);
after(() => server.close());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of any answer
  readonly json: any;
}

async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const init = body === undefined ? {} : { body: text };
  const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  const res = await fetch(`${server.url}/api/v1${path}`, { method, ...init, headers: { ...json, ...headers } });
  const raw = await res.text();
  return { status: res.status, headers: res.headers, json: raw === '' ? undefined : JSON.parse(raw) };
}

function violations(answer: Answer): string[] {
  return answer.json.details.flatMap((detail: { field_violations?: { field: string }[] }) =>
    (detail.field_violations ?? []).map(({ field }) => field),
  );
}

function reason(answer: Answer): string {
  return answer.json.details[0].reason;
}

describe('create', () => {
  it('answers 201 with Location, then 200 for the duplicate', async () => {
    const event = { type: 'test.created', id: 'x/1', source: 'rest', data: { k: [1, null, { ключ: '🛰' }] } };
    const first = await ask('POST', '/events', event);
    assert.equal(first.status, 201);
    assert.equal(first.headers.get('location'), '/api/v1/events/x%2F1');
    assert.match(first.headers.get('x-trace-id') ?? '', /^[0-9a-f]{32}$/);
    assert.equal(first.headers.get('cache-control'), 'no-store');
    assert.deepEqual(first.json.data, event.data);
    assert.equal(first.json.correlation_id, '');
    assert.equal(first.json.time, '2023-11-14T22:13:20.123456789Z');
    assert.equal((await ask('POST', '/events', event)).status, 200);
    assert.equal((await ask('GET', '/events/x%2F1')).json.id, 'x/1');
  });

  it('accepts camelCase and keeps keys such as __proto__ to the letter', async () => {
    const data = '{"__proto__":{"polluted":true},"constructor":1}';
    const answer = await fetch(`${server.url}/api/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=UTF-8' },
      body: `{"type":"test.camel","correlationId":"c","data":${data}}`,
    });
    assert.equal(answer.status, 201);
    const text = await answer.text();
    assert.ok(text.includes(`"data":${data}`), text);
    assert.ok(text.includes('"correlation_id":"c"'));
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  });

  it('remembers a request_id', async () => {
    const one = await ask('POST', '/events?request_id=r1', { type: 'test.once' });
    const two = await ask('POST', '/events?requestId=r1', { type: 'test.once' });
    assert.equal(one.status, 201);
    assert.equal(two.json.id, one.json.id);
    assert.ok(two.headers.get('location')?.endsWith(one.json.id));
    assert.match(one.json.id, /^[0-9A-HJKMNP-TV-Z]{26}$/);
    const other = await ask('POST', '/events?request_id=r1', { type: 'test.twice' });
    assert.equal(other.status, 409);
    assert.equal(reason(other), 'REQUEST_ID_REUSED');
    assert.deepEqual(other.json.details[0].metadata, { request_id: 'r1' });
  });

  it('starts, lists and stops processes', async () => {
    const started = await ask('POST', '/processes', { id: 'a' });
    assert.equal(started.status, 201);
    assert.equal(started.headers.get('location'), '/api/v1/processes/a');
    assert.equal(started.json.state, 'RUNNING');
    assert.equal(started.json.resources.open_fds, 3);
    assert.equal((await ask('POST', '/processes', { id: 'a' })).status, 409);
    assert.equal((await ask('POST', '/processes/a:restart')).json.pid, 43);
    assert.equal((await ask('DELETE', '/processes/a?grace=500ms')).json.state, 'STOPPED');
    const first = await ask('GET', '/processes?page_size=2');
    const second = await ask('GET', `/processes?pageSize=2&page_token=${first.json.next_page_token}`);
    assert.deepEqual(
      [...first.json.processes, ...second.json.processes].map(({ id }: { id: string }) => id),
      ['a', 'b', 'c'],
    );
    assert.equal(second.json.next_page_token, '');
  });
});

describe('refusals', () => {
  const rows: [string, Promise<Answer>, number, string, string?][] = [
    ['unknown field', ask('POST', '/events', { type: 'a', colour: 1 }), 400, 'INVALID_REQUEST', 'colour'],
    ['wrong type', ask('POST', '/events', { type: 'a', priority: 'high' }), 400, 'INVALID_REQUEST', 'priority'],
    ['unknown enum', ask('POST', '/events', { type: 'a', severity: 'LOUD' }), 400, 'INVALID_REQUEST', 'severity'],
    ['out of range', ask('POST', '/events', { type: 'a', priority: 101 }), 400, 'INVALID_REQUEST', 'priority'],
    ['missing', ask('POST', '/events', { source: 'x' }), 400, 'INVALID_REQUEST', 'type'],
    ['bad time', ask('POST', '/events', { type: 'a', time: 'yesterday' }), 400, 'INVALID_REQUEST', 'time'],
    ['a day that no calendar has', ask('POST', '/events', { type: 'a', time: '2026-02-30T00:00:00Z' }), 400, 'INVALID_REQUEST', 'time'],
    ['such a day in a query', ask('GET', '/events?filter.since=2026-04-31T00:00:00Z'), 400, 'INVALID_REQUEST', 'filter.since'],
    [
      'such a day in a batch',
      ask('POST', '/events:batch', { events: [{ type: 'a', time: '2025-02-29T00:00:00Z' }] }),
      400,
      'INVALID_REQUEST',
      'events[0].time',
    ],
    ['in a batch', ask('POST', '/events:batch', { events: [{ type: 'a' }, { source: 'b' }] }), 400, 'INVALID_REQUEST', 'events[1].type'],
    ['type in a batch', ask('POST', '/events:batch', { events: [{ type: 'a' }, { type: 7 }] }), 400, 'INVALID_REQUEST', 'events[1].type'],
    ['path against body', ask('POST', '/processes/a:restart', { id: 'b' }), 400, 'INVALID_REQUEST', 'id'],
    ['broken JSON', ask('POST', '/events', '{"type":'), 400, 'MALFORMED_BODY'],
    ['empty body', ask('POST', '/events', undefined, { 'content-type': 'application/json' }), 400, 'MALFORMED_BODY'],
    ['array body', ask('POST', '/events', []), 400, 'INVALID_REQUEST', 'body'],
    ['too deep', ask('POST', '/events', `{"type":"a","data":{"a":${'['.repeat(40)}${']'.repeat(40)}}}`), 400, 'JSON_TOO_DEEP'],
    ['too large', ask('POST', '/events', { type: 'a', data: { x: 'x'.repeat(70_000) } }), 413, 'MESSAGE_TOO_LARGE'],
    ['media type', ask('POST', '/events', '{}', { 'content-type': 'text/plain' }), 415, 'MEDIA_TYPE_UNSUPPORTED'],
    ['charset', ask('POST', '/events', '{}', { 'content-type': 'application/json; charset=latin1' }), 415, 'MEDIA_TYPE_UNSUPPORTED'],
    ['compressed', ask('POST', '/events', '{}', { 'content-encoding': 'gzip' }), 415, 'MEDIA_TYPE_UNSUPPORTED'],
    ['unknown parameter', ask('GET', '/events?colour=red'), 400, 'INVALID_REQUEST', 'colour'],
    ['nested unknown parameter', ask('GET', '/events?filter.colour=red'), 400, 'INVALID_REQUEST', 'filter.colour'],
    ['bad number', ask('GET', '/events?page_size=many'), 400, 'INVALID_REQUEST', 'page_size'],
    ['negative', ask('GET', '/events?page_size=-1'), 400, 'INVALID_REQUEST', 'page_size'],
    ['too big for int32', ask('GET', '/events?page_size=99999999999'), 400, 'INVALID_REQUEST', 'page_size'],
    ['given twice', ask('GET', '/events?page_size=1&page_size=2'), 400, 'INVALID_REQUEST', 'page_size'],
    ['bad order', ask('GET', '/events?order_by=colour'), 400, 'INVALID_REQUEST', 'order_by'],
    ['bad token', ask('GET', '/events?page_token=!!nonsense'), 400, 'INVALID_REQUEST', 'page_token'],
    ['bad moment', ask('GET', '/events?filter.since=noon'), 400, 'INVALID_REQUEST', 'filter.since'],
    ['path twice', ask('GET', '/processes/a?id=b'), 400, 'INVALID_REQUEST', 'id'],
    ['bad escape', ask('GET', '/events/%ff'), 400, 'INVALID_REQUEST', 'id'],
    ['bare percent', ask('GET', '/processes/%'), 400, 'INVALID_REQUEST', 'id'],
    ['unknown event', ask('GET', '/events/nope'), 404, 'EVENT_NOT_FOUND'],
    ['unknown process', ask('GET', '/processes/nope'), 404, 'PROCESS_NOT_FOUND'],
    ['compacted cursor', (() => ask('GET', '/logs:tail?after_cursor=x'))(), 400, 'CURSOR_INVALID', 'after_cursor'],
  ];
  for (const [name, answer, status, wanted, field] of rows) {
    it(name, async () => {
      const got = await answer;
      assert.equal(got.status, status, JSON.stringify(got.json));
      assert.equal(reason(got), wanted);
      assert.equal(got.json.details[0].domain, 'sboxagent');
      if (field !== undefined) assert.deepEqual(violations(got), [field]);
    });
  }

  it('tells two faults at once', async () => {
    assert.deepEqual(violations(await ask('POST', '/events', { priority: 900 })).sort(), ['priority', 'type']);
    assert.deepEqual(violations(await ask('POST', '/events', { priority: 'x', severity: 'y', z: 1 })).sort(), [
      'priority',
      'severity',
      'z',
    ]);
  });

  it('says which form a value wants', async () => {
    const wanted = await ask('POST', '/events', { type: 'a', data: [], time: 5 });
    assert.equal(wanted.json.message, 'data: must be a JSON object; time: must be a time as RFC 3339 has it, such as 2026-01-31T12:00:00Z');
  });

  it('refuses a token of another list', async () => {
    await ask('POST', '/events:batch', { events: [{ type: 'a' }, { type: 'a' }] });
    const { json } = await ask('GET', '/events?page_size=1');
    const other = await ask('GET', `/events?page_size=1&order_by=revision&page_token=${json.next_page_token}`);
    assert.deepEqual(violations(other), ['page_token']);
  });

  it('answers 405 with Allow, and nothing for a trailing slash', async () => {
    assert.equal((await ask('PATCH', '/events', {})).headers.get('allow'), 'GET, HEAD, POST, OPTIONS');
    assert.equal((await ask('GET', '/processes/')).status, 404);
    assert.equal((await ask('GET', '/nothing')).status, 404);
  });

  it('ends a body that is too large without a stated length', async () => {
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(30_000).fill(32));
      },
    });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body, duplex: 'half' } as RequestInit;
    const answer = await fetch(`${server.url}/api/v1/events`, init).catch(() => undefined);
    if (answer !== undefined) assert.equal(answer.status, 413);
  });
});

describe('answers', () => {
  it('HEAD is GET without the body', async () => {
    const res = await fetch(`${server.url}/api/v1/status`, { method: 'HEAD' });
    assert.equal(res.status, 200);
    assert.equal(await res.text(), '');
    assert.ok(Number(res.headers.get('content-length')) > 10);
  });

  it('health is 503 when UNHEALTHY', async () => {
    assert.equal((await ask('GET', '/health')).json.components[0].name, 'journal');
    fake.board.become('UNHEALTHY');
    assert.equal((await ask('GET', '/health')).status, 503);
    fake.board.become('HEALTHY');
  });

  it('every call learnt how it ended', async () => {
    for (let tries = 0; server.door.stats().unary > 0 && tries < 200; tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(server.door.stats().unary, 0);
    assert.ok(server.ended.some(({ code }) => code === 'invalid_argument'));
    assert.ok(!server.ended.some(({ code }) => code === 'unknown'));
  });
});
