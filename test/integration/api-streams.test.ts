import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, describe, it } from 'node:test';
import { fakes, processView, storedEvent } from '../helpers/api-fakes.ts';
import { serveApi } from '../helpers/api-server.ts';

const fake = fakes({ pingIntervalMs: 200 });
fake.journal.events.push(...[1, 2, 3, 4].map((revision) => storedEvent(revision, { source: revision % 2 === 0 ? 'even' : 'odd' })));
const server = await serveApi(fake.deps);
after(() => server.close());

interface Open {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  /** The next whole frame: what stands before an empty line (SSE) or a line (NDJSON). */
  next(): Promise<string>;
  cancel(): Promise<void>;
}

async function open(path: string, headers: Record<string, string> = {}): Promise<Open> {
  const controller = new AbortController();
  const res = await fetch(`${server.url}/api/v1${path}`, { headers, signal: controller.signal });
  assert.ok(res.body !== null);
  const reader = res.body.getReader();
  const type = res.headers.get('content-type') ?? '';
  const separator = type.startsWith('text/event-stream') ? '\n\n' : '\n';
  let text = '';
  return {
    status: res.status,
    type,
    headers: res.headers,
    async next() {
      while (!text.includes(separator)) {
        const { value, done } = await reader.read();
        if (done) return text;
        text += Buffer.from(value).toString();
      }
      const [frame = ''] = text.split(separator, 1);
      text = text.slice(frame.length + separator.length);
      return frame;
    },
    async cancel() {
      controller.abort();
      await reader.closed.catch(() => {});
    },
  };
}

function parse(frame: string): { id?: string; event?: string; data?: string } {
  return Object.fromEntries(frame.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition() && tries < 3000; tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(condition());
}

describe('SSE', () => {
  it('frames have cursor, kind and the message on one line', async () => {
    const stream = await open('/events:watch?after_revision=0&filter.sources=odd');
    assert.equal(stream.status, 200);
    assert.match(stream.type, /^text\/event-stream/);
    assert.match(stream.headers.get('cache-control') ?? '', /no-cache/);
    assert.equal(stream.headers.get('x-accel-buffering'), 'no');
    const frame = parse(await stream.next());
    assert.deepEqual([frame.id, frame.event], ['4', 'events']);
    const message = JSON.parse(frame.data ?? '');
    assert.deepEqual(
      message.events.map(({ id }: { id: string }) => id),
      ['e1', 'e3'],
    );
    assert.equal(message.revision, '4');
    assert.equal(message.events[0].span_id, '');
    await stream.cancel();
  });

  it('headers go out at once, and silence is filled with comments', async () => {
    const stream = await open('/events:watch');
    assert.equal(parse(await stream.next()).event, 'progress');
    assert.equal(await stream.next(), ': ping');
    await stream.cancel();
    await until(() => fake.journal.watchers() === 0);
    assert.equal(server.ended.at(-1)?.code, 'canceled');
  });

  it('Last-Event-ID resumes, and wins over the query', async () => {
    const stream = await open('/events:watch?after_revision=0', { 'last-event-id': '2' });
    const message = JSON.parse(parse(await stream.next()).data ?? '');
    assert.deepEqual(
      message.events.map(({ id }: { id: string }) => id),
      ['e3', 'e4'],
    );
    await stream.cancel();
  });

  it('what is wrong from the start is an HTTP error', async () => {
    fake.journal.firstKept = 3;
    const compacted = await fetch(`${server.url}/api/v1/events:watch?after_revision=1`);
    fake.journal.firstKept = 1;
    assert.equal(compacted.status, 400);
    const { code, message } = (await compacted.json()) as { code: string; message: string };
    assert.deepEqual([code, /\b3\b/.test(message)], ['out_of_range', true]);
    const cursor = await fetch(`${server.url}/api/v1/events:watch`, { headers: { 'last-event-id': 'abc' } });
    assert.equal(cursor.status, 400);
    assert.match(await cursor.text(), /Last-Event-ID: must be the id of a frame of this stream, a whole number, not \\"abc\\"/);
  });

  it('a later error is a last frame, after a last progress', async () => {
    const stream = await open('/events:watch');
    await stream.next();
    server.revoke('SHUTTING_DOWN');
    assert.equal(parse(await stream.next()).event, 'progress');
    const last = parse(await stream.next());
    assert.equal(last.event, 'error');
    assert.equal(JSON.parse(last.data ?? '').code, 'unavailable');
    assert.equal(await stream.next(), '');
    await until(() => server.ended.at(-1)?.code === 'unavailable');
  });

  it('logs and processes have frames of their own', async () => {
    fake.logs.add('one');
    fake.logs.add('two\n\u2028three');
    const logs = await open('/logs:tail?lines=1');
    const entries = parse(await logs.next());
    assert.deepEqual([entries.id, entries.event], ['2', 'entries']);
    assert.equal(JSON.parse(entries.data ?? '').entries[0].message, 'two\n\u2028three');
    await logs.cancel();
    const rest = await open('/logs:tail', { 'last-event-id': '1' });
    assert.equal(JSON.parse(parse(await rest.next()).data ?? '').entries.length, 1);
    await rest.cancel();
    fake.supervisor.set(processView('a'));
    const processes = await open('/processes:watch?ids=a');
    const snapshot = parse(await processes.next());
    assert.equal(snapshot.event, 'processes');
    assert.equal(snapshot.id, undefined);
    assert.equal(JSON.parse(snapshot.data ?? '').snapshot, true);
    await processes.cancel();
  });

  it('HEAD answers the headers alone', async () => {
    const res = await fetch(`${server.url}/api/v1/events:watch`, { method: 'HEAD' });
    assert.equal(res.status, 200);
    assert.match(res.headers.get('content-type') ?? '', /event-stream/);
  });
});

describe('NDJSON', () => {
  it('one message a line, the error as the last', async () => {
    const stream = await open('/events:watch?after_revision=0', { accept: 'application/x-ndjson' });
    assert.equal(stream.type, 'application/x-ndjson');
    assert.equal(JSON.parse(await stream.next()).events.length, 4);
    server.revoke('TOKEN_REVOKED');
    const { error } = JSON.parse(await stream.next());
    assert.equal(error.code, 'unauthenticated');
    assert.equal(error.details[0].reason, 'TOKEN_REVOKED');
  });
});

describe('a reader that does not read', () => {
  it('is given no more than the buffers hold, and is freed when it leaves', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const client = request(`${server.url}/api/v1/events:watch`);
    client.end();
    client.on('error', () => {});
    await new Promise((resolve) => client.on('response', (res) => resolve(res.pause())));
    const data = { text: 'x'.repeat(200_000) };
    for (let n = 0; n < 200; n += 1) await fake.journal.publish([{ type: 'big', data }], { source: 'x' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok(process.memoryUsage().arrayBuffers - before < 30_000_000);
    client.destroy();
    await until(() => fake.journal.watchers() === 0);
  });
});
