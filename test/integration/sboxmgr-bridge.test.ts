import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Journal, NewEvent } from '../../src/events/index.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { AgentError } from '../../src/kernel/errors.ts';
import { type Bridge, openBridge } from '../../src/sboxmgr/index.ts';
import { bentClock } from '../helpers/bent-clock.ts';
import { type EventRoom, eventually, metricsFake, openRoom, silentLogger } from '../helpers/event-room.ts';
import { framed, framedClient, type Reply } from '../helpers/framed-json.ts';
import { turns } from '../helpers/turns.ts';

const dir = mkdtempSync(join(tmpdir(), 'sboxmgr-bridge-'));
const path = join(dir, 'agent.sock');
let room: EventRoom;
let bridge: Bridge;

interface Options {
  readonly path?: string;
  readonly mode?: number;
  readonly group?: string;
  readonly publisher?: Pick<Journal, 'publish'>;
  readonly clock?: Clock;
  readonly metrics?: ReturnType<typeof metricsFake>['metrics'];
}

function open(options: Options = {}): Bridge {
  return openBridge({
    settings: { enabled: true, path: options.path ?? path, mode: options.mode ?? 0o600, group: options.group },
    publisher: options.publisher ?? room.journal,
    status: () => ({ version: '0.1.0', uptimeMs: 1500, health: 'HEALTHY', facts: { name: 'here' } }),
    clock: options.clock ?? systemClock,
    logger: silentLogger,
    metrics: options.metrics ?? metricsFake().metrics,
  });
}

before(async () => {
  room = await openRoom({ dir });
  bridge = open();
  await bridge.start();
});
after(async () => {
  await bridge.stop();
  await room[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const command = (id: unknown, name: unknown, params: unknown = {}): unknown => ({
  id,
  type: 'command',
  timestamp: 't',
  command: { command: name, params },
});
const event = (id: unknown, body: unknown): unknown => ({ id, type: 'event', timestamp: '2025-01-28T10:00:00Z', event: body });

/** One request on a connection of its own. */
async function ask(message: unknown, at = path): Promise<Reply> {
  const client = await framedClient(at);
  try {
    return await client.ask(message);
  } finally {
    client.close();
  }
}

test('ping, status, version and an unknown command', async () => {
  const pong = await ask(command('mvp-test-123', 'ping'));
  assert.deepEqual(
    [pong.id, pong.type, pong.response],
    ['mvp-test-123', 'response', { status: 'success', request_id: 'mvp-test-123', data: { pong: true } }],
  );
  assert.match(String(pong['timestamp']), /^\d{4}-.*Z$/);
  const status = await ask(command('1', 'status'));
  assert.deepEqual(status.response?.data, { name: 'here', status: 'healthy', version: '0.1.0', uptime_seconds: 1.5 });
  assert.deepEqual((await ask(command('1', 'version'))).response?.data, { version: '0.1.0' });
  const unknown = await ask(command('1', 'reboot'));
  assert.deepEqual(
    [unknown.response?.status, unknown.response?.error?.code, unknown.response?.error?.details],
    ['error', 'COMMAND_UNKNOWN', {}],
  );
});

test('a heartbeat is answered by a heartbeat', async () => {
  const reply = await ask({
    id: 'h',
    type: 'heartbeat',
    timestamp: 't',
    heartbeat: { agent_id: 'mvp_test', status: 'testing', version: 'x' },
  });
  assert.deepEqual([reply.id, reply.type], ['h', 'heartbeat']);
  assert.deepEqual(reply.heartbeat, { agent_id: 'sboxagent', status: 'healthy', uptime_seconds: 1.5, version: '0.1.0' });
});

test('events of both shapes are in the journal when they are answered, secrets masked', async () => {
  const bridged = await ask(
    event('3f0e7f9e-64f9-4b8b-9d0f-000000000001', {
      event_type: 'config_generated',
      source: 'gen',
      priority: 'high',
      data: { password: 'x', n: 1 },
    }),
  );
  assert.equal(bridged.response?.status, 'success');
  const stored = await room.journal.get(String(bridged.response?.data?.['event_id']));
  assert.deepEqual([stored.type, stored.source, stored.priority, stored.data], ['config.generated', 'gen', 80, { password: '***', n: 1 }]);
  assert.equal(stored.time.seconds, Date.parse('2025-01-28T10:00:00Z') / 1000);
  const go = await ask(event('x', { event: { type: 'LOG', data: { level: 'warn', message: 'm' }, trace_id: 'abcdef12' } }));
  assert.equal(go.response?.data?.['type'], 'sboxmgr.log');
  assert.equal(go.response?.data?.['trace_id'], '000000000000000000000000abcdef12');
  const page = await room.journal.list({ filter: { traceId: '000000000000000000000000abcdef12' }, order: 'asc', pageSize: 10 });
  assert.deepEqual(
    page.events.map((kept) => [kept.source, kept.severity]),
    [['sboxmgr', 'WARNING']],
  );
});

test('a message that is sent again is stored once', async () => {
  const again = event('3f0e7f9e-64f9-4b8b-9d0f-00000000000a', { event_type: 'again', source: 's', data: {} });
  const [first, second] = [await ask(again), await ask(again)];
  assert.deepEqual([first.response?.data?.['duplicate'], second.response?.data?.['duplicate']], [false, true]);
  assert.equal(first.response?.data?.['revision'], second.response?.data?.['revision']);
});

test('a correlation id in the metadata is one, and a trace where it has that form; it makes no frame another', async () => {
  const of = (data: object, correlationId: string): object => ({
    event_type: 'correlated',
    source: 's',
    data,
    metadata: { correlation_id: correlationId },
  });
  const uuid = '3f0e7f9e-64f9-4b8b-9d0f-00000000000b';
  const [first, again] = [await ask(event(uuid, of({ n: 1 }, 'beefcafe'))), await ask(event(uuid, of({ n: 1 }, 'beefcafe')))];
  assert.deepEqual([first.response?.data?.['duplicate'], again.response?.data?.['duplicate']], [false, true]);
  // Two programs that count their frames from 1.
  for (const n of [2, 3]) assert.equal((await ask(event('1', of({ n }, 'beefcafe')))).response?.data?.['duplicate'], false);
  await ask(event('2', of({ n: 4 }, 'cycle 7')));
  const { events } = await room.journal.list({ filter: { types: ['sboxmgr.correlated'] }, order: 'asc', pageSize: 10 });
  const padded = 'beefcafe'.padStart(32, '0');
  assert.deepEqual(
    events.map(({ data, correlationId, traceId }) => [data?.['n'], correlationId, traceId]),
    [
      [1, 'beefcafe', padded],
      [2, 'beefcafe', padded],
      [3, 'beefcafe', padded],
      [4, 'cycle 7', ''],
    ],
  );
});

test('ids come back as they were written', async () => {
  const client = await framedClient(path);
  for (const id of [
    '"a"',
    '""',
    '"\\u0000\\ud800 ж"',
    '7',
    '-0.50',
    '12345678901234567890',
    '1e400',
    JSON.stringify('i'.repeat(100_000)),
  ]) {
    client.socket.write(framed(`{"command":{"command":"ping","id":5},"id":${id},"type":"command"}`));
    const text = (await client.text()) ?? '';
    const plain = id.startsWith('"') ? JSON.stringify(JSON.parse(id)) : id;
    assert.ok(text.startsWith(`{"id":${plain},"type":"response"`), text.slice(0, 80));
    assert.ok(text.includes(`"request_id":${plain},`));
  }
  client.close();
});

for (const id of [null, true, [1], { a: 1 }, undefined, 'x'.repeat(300_000)]) {
  test(`an id that is ${JSON.stringify(id)?.slice(0, 10)} is an error, and no null comes back`, async () => {
    const client = await framedClient(path);
    client.send(command(id, 'ping'));
    const text = (await client.text()) ?? '';
    assert.doesNotMatch(text, /null/);
    const reply = JSON.parse(text) as Reply;
    assert.deepEqual([reply.id, reply.response?.request_id, reply.response?.error?.code], ['', '', 'INVALID_MESSAGE']);
    assert.equal((await client.ask(command('next', 'ping'))).id, 'next');
    client.close();
  });
}

for (const [what, body, code] of [
  ['no JSON', '{', 'INVALID_JSON'],
  ['nothing', '', 'INVALID_JSON'],
  ['an array', '[]', 'INVALID_MESSAGE'],
  ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'INVALID_UTF8'],
  ['deep JSON', '['.repeat(500_000), 'JSON_TOO_DEEP'],
  ['deep JSON that is well formed', `{"id":"1","type":"event","event":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`, 'JSON_TOO_DEEP'],
  ['no type', '{"id":"1"}', 'INVALID_MESSAGE'],
  ['a response', '{"id":"1","type":"response"}', 'INVALID_MESSAGE'],
  ['a command without a command', '{"id":"1","type":"command"}', 'INVALID_MESSAGE'],
  ['a command that is a number', '{"id":"1","type":"command","command":{"command":7}}', 'INVALID_MESSAGE'],
  ['a heartbeat that is an array', '{"id":"1","type":"heartbeat","heartbeat":[]}', 'INVALID_MESSAGE'],
  ['an event that is null', '{"id":"1","type":"event","event":null}', 'INVALID_EVENT'],
  ['an event without a type', '{"id":"1","type":"event","event":{"data":{}}}', 'INVALID_EVENT'],
  ['an event that the journal refuses', '{"id":"1","type":"event","event":{"type":"x","data":{"a":"\\ud800"}}}', 'INVALID_REQUEST'],
] as const) {
  test(`${what} is answered with ${code}, and the next request as ever`, async () => {
    const client = await framedClient(path);
    client.socket.write(framed(body));
    const reply = await client.next();
    assert.equal(reply.response?.error?.code, code);
    assert.ok(!Array.isArray(reply.response?.error?.details));
    assert.deepEqual((await client.ask(command('next', 'ping'))).response?.data, { pong: true });
    client.close();
  });
}

for (const [what, bytes, code] of [
  ['another version', framed('{}', 2), 'VERSION_UNSUPPORTED'],
  ['too long', framed('', 1, (1 << 20) + 1), 'FRAME_TOO_LARGE'],
  ['longer than memory', framed('', 1, 0xffffffff), 'FRAME_TOO_LARGE'],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'VERSION_UNSUPPORTED'],
] as const) {
  test(`a frame that is ${what} is answered with ${code}, and the connection closed`, async () => {
    const client = await framedClient(path);
    client.socket.write(bytes);
    assert.equal((await client.next()).response?.error?.code, code);
    assert.equal(await client.text(), undefined);
    client.close();
  });
}

test('a hundred requests at once are answered in order, one reply each', async () => {
  const client = await framedClient(path);
  const requests = Array.from({ length: 100 }, (_, i) =>
    i % 3 === 0 ? event(`r${i}`, { event_type: 'burst', data: { i } }) : command(`r${i}`, 'ping'),
  );
  client.socket.write(Buffer.concat(requests.map((request) => framed(JSON.stringify(request)))));
  for (let i = 0; i < 100; i++) assert.equal((await client.next()).id, `r${i}`);
  client.close();
});

test('frames that come byte by byte, and one of 1 MiB, are whole in the end', async () => {
  const client = await framedClient(path);
  for (const byte of framed(JSON.stringify(command('slow', 'ping')))) {
    client.socket.write(Buffer.of(byte));
    await systemClock.sleep(0);
  }
  assert.equal((await client.next()).id, 'slow');
  const big = JSON.stringify(command('big', 'ping'));
  client.socket.write(framed(big.padEnd(1 << 20)));
  assert.equal((await client.next()).id, 'big');
  client.close();
});

test('who ends his side still gets the reply; who leaves in the middle is forgotten', async () => {
  const client = await framedClient(path);
  client.send(command('last', 'ping'));
  client.socket.end();
  assert.equal((await client.next()).id, 'last');
  const half = await framedClient(path);
  half.socket.end(framed('{"id"').subarray(0, 10));
  assert.equal(await half.text(), undefined);
  const gone = await framedClient(path);
  gone.send(event('gone', { event_type: 'gone' }));
  gone.close();
  assert.equal((await ask(command('x', 'ping'))).id, 'x');
});

test('a frame that stalls is refused after its time, an idle connection is left alone', async () => {
  const { clock, advance } = bentClock();
  const at = join(dir, 'stall.sock');
  const own = open({ path: at, clock });
  await own.start();
  const [stalled, idle] = [await framedClient(at), await framedClient(at)];
  stalled.socket.write(framed('{          }').subarray(0, 9));
  await turns();
  advance(29_000);
  stalled.socket.write(Buffer.of(0x20)); // more bytes are no new time
  await turns();
  advance(1_500);
  assert.equal((await stalled.next()).response?.error?.code, 'FRAME_TIMEOUT');
  assert.equal(await stalled.text(), undefined);
  assert.equal((await idle.ask(command('still', 'ping'))).id, 'still');
  advance(86_400_000);
  assert.equal((await idle.ask(command('after a day', 'ping'))).id, 'after a day');
  idle.close();
  await own.stop();
});

test('a disk that does not answer is told of before sboxmgr gives up', async () => {
  const { clock, advance } = bentClock();
  const at = join(dir, 'disk.sock');
  const own = open({ path: at, clock, publisher: { publish: () => new Promise(() => {}) } });
  await own.start();
  const client = await framedClient(at);
  client.send(event('e', { event_type: 'x' }));
  await turns();
  advance(4_000);
  assert.equal((await client.next()).response?.error?.code, 'JOURNAL_UNAVAILABLE');
  client.close();
  await own.stop();
});

test('what the journal refuses, and a fault, become error replies', async () => {
  const at = join(dir, 'refuse.sock');
  const errors = [new AgentError('JOURNAL_FULL', 'no space', { metadata: { path: '/x' } }), new Error('secret inside')];
  const own = open({ path: at, publisher: { publish: () => Promise.reject(errors.shift()) } });
  await own.start();
  const full = await ask(event('e', { event_type: 'x' }), at);
  assert.deepEqual([full.response?.error?.code, full.response?.error?.details['path']], ['JOURNAL_FULL', '/x']);
  const fault = await ask(event('e', { event_type: 'x' }), at);
  assert.equal(fault.response?.error?.code, 'INTERNAL');
  assert.doesNotMatch(JSON.stringify(fault), /secret inside/);
  await own.stop();
});

test('an answer waits for the journal', async () => {
  const at = join(dir, 'durable.sock');
  const gate = Promise.withResolvers<void>();
  const own = open({
    path: at,
    publisher: {
      async publish(events: readonly NewEvent[], context) {
        await gate.promise;
        return room.journal.publish(events, context);
      },
    },
  });
  await own.start();
  const client = await framedClient(at);
  client.send(event('e', { event_type: 'x' }));
  client.send(command('after', 'ping'));
  let answered = false;
  const first = client.next().then((reply) => {
    answered = true;
    return reply;
  });
  await systemClock.sleep(100);
  assert.equal(answered, false);
  gate.resolve();
  assert.deepEqual([(await first).id, (await client.next()).id], ['e', 'after']);
  client.close();
  await own.stop();
});

test('there are at most 32 connections; one that was idle for long gives way', async () => {
  const { clock, advance } = bentClock();
  const { metrics, value } = metricsFake();
  const at = join(dir, 'many.sock');
  const own = open({ path: at, clock, metrics });
  await own.start();
  const clients = [];
  for (let i = 0; i < 32; i++) clients.push(await framedClient(at));
  await clients[31]?.ask(command('x', 'ping'));
  const refused = await framedClient(at);
  assert.equal(await refused.text(), undefined);
  assert.equal(value('sboxagent_limit_refused_total{sboxmgr_connections}'), 1);
  advance(31_000);
  assert.equal((await ask(command('new', 'ping'), at)).id, 'new');
  for (const client of clients) client.close();
  await own.stop();
});

test('half frames over all connections are bounded', async () => {
  const { metrics, value } = metricsFake();
  const at = join(dir, 'bytes.sock');
  const own = open({ path: at, metrics });
  await own.start();
  const clients = [];
  for (let i = 0; i < 20; i++) {
    const client = await framedClient(at);
    clients.push(client);
    client.socket.write(framed(Buffer.alloc((1 << 20) - 1, 0x20), 1, 1 << 20));
  }
  await eventually(() => value('sboxagent_limit_refused_total{sboxmgr_bytes}') > 0);
  for (const client of clients) client.close();
  await turns(100);
  assert.equal((await ask(command('well', 'ping'), at)).id, 'well');
  await own.stop();
});

test('the socket has its mode from the first moment, nothing else is left beside it, and its own end removes it', async () => {
  const own = open({ path: join(dir, 'mode.sock'), mode: 0o660 });
  await own.start();
  assert.equal(statSync(join(dir, 'mode.sock')).mode & 0o777, 0o660);
  assert.deepEqual(
    readdirSync(dir).filter((name) => name.startsWith('.sbx')),
    [],
  );
  await own.stop();
  await own.stop();
  assert.equal(existsSync(join(dir, 'mode.sock')), false);
});

test('a stale socket is replaced; a living one is left alone, said, and taken over when it is gone', async () => {
  const at = join(dir, 'stale.sock');
  const dead = createServer();
  dead.listen(`${at}.old`);
  await once(dead, 'listening');
  // Renamed, so that the end of its server does not remove it.
  (await import('node:fs')).renameSync(`${at}.old`, at);
  await new Promise((resolve) => dead.close(resolve));
  assert.ok(existsSync(at));
  const { clock, advance } = bentClock();
  const [first, second] = [open({ path: at }), open({ path: at, clock })];
  await first.start();
  const { ino } = lstatSync(at);
  await second.start();
  assert.equal(lstatSync(at).ino, ino);
  assert.match(second.health().message, /another program listens/);
  assert.equal(second.health().status, 'HEALTHY');
  assert.equal((await ask(command('first', 'ping'), at)).id, 'first');
  await first.stop();
  advance(10_000);
  await eventually(() => second.health().message === '');
  assert.equal((await ask(command('second', 'ping'), at)).id, 'second');
  await second.stop();
  assert.equal(existsSync(at), false);
});

for (const [what, make] of [
  ['a regular file', (at: string) => writeFileSync(at, 'mine')],
  ['a directory', (at: string) => void mkdirSync(at)],
  ['a symbolic link', (at: string) => symlinkSync(join(dir, 'nowhere'), at)],
] as const) {
  test(`${what} in its place is not touched`, async () => {
    const at = join(dir, `in-the-way-${what.replaceAll(' ', '-')}`);
    make(at);
    const { ino } = lstatSync(at);
    const own = open({ path: at });
    await own.start();
    assert.equal(own.health().status, 'DEGRADED');
    await own.stop();
    assert.equal(lstatSync(at).ino, ino);
  });
}

test('a place that cannot be had, and a group that is not there, do not keep the agent from running', async () => {
  for (const options of [{ path: '/proc/none/a.sock' }, { path: join(dir, 'g.sock'), group: 'no-such-group' }]) {
    const own = open(options);
    await own.start();
    assert.equal(own.health().status, 'DEGRADED');
    await own.stop();
  }
});

test('a socket that was cleaned away comes back; one that another put there is not removed at the end', async () => {
  const { clock, advance } = bentClock();
  const at = join(dir, 'cleaned.sock');
  const own = open({ path: at, clock });
  await own.start();
  unlinkSync(at);
  advance(10_000);
  await eventually(() => existsSync(at));
  assert.equal((await ask(command('back', 'ping'), at)).id, 'back');
  chmodSync(at, 0o666);
  advance(10_000);
  await eventually(() => (statSync(at).mode & 0o777) === 0o600);
  unlinkSync(at);
  writeFileSync(at, 'another');
  await own.stop();
  assert.ok(existsSync(at));
});

test('a socket that is switched off is not there', async () => {
  const own = openBridge({
    settings: { enabled: false, path: join(dir, 'off.sock'), mode: 0o600, group: undefined },
    publisher: room.journal,
    status: () => ({ version: '', uptimeMs: 0, health: 'HEALTHY', facts: {} }),
    clock: systemClock,
    logger: silentLogger,
    metrics: metricsFake().metrics,
  });
  await own.start();
  assert.equal(existsSync(join(dir, 'off.sock')), false);
  await own.stop();
});

test('a request under way is answered when the agent stops', async () => {
  const at = join(dir, 'stopping.sock');
  const gate = Promise.withResolvers<void>();
  const own = open({
    path: at,
    publisher: { publish: (events, context) => gate.promise.then(() => room.journal.publish(events, context)) },
  });
  await own.start();
  const [client, idle] = [await framedClient(at), await framedClient(at)];
  client.send(event('under-way', { event_type: 'x' }));
  await turns();
  const stopping = own.stop();
  assert.equal(await idle.text(), undefined);
  gate.resolve();
  assert.equal((await client.next()).response?.status, 'success');
  assert.equal(await client.text(), undefined);
  client.close();
  idle.close();
  await stopping;
});
