import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { HandlerContext } from '@connectrpc/connect';
import { callOf } from '../../src/api/calls.ts';
import { adminToken, type Door, openDoor } from '../helpers/door.ts';
import { eventually } from '../helpers/event-room.ts';
import { ask, open, say, session } from '../helpers/raw.ts';

const paths = ['/sboxagent.v1.EventService/ListEvents', '/api/v1/events', '/metrics', '/nothing'];

const authorities = [
  '',
  ' ',
  'evil.com',
  'evil.com:80',
  'localhost.',
  'localhost.evil.com',
  '127.0.0.1.nip.io',
  '127.0.0.1@evil.com',
  'evil.com@127.0.0.1',
  'localhost:99999999',
  'localhost:',
  'localhost:port',
  '[::1',
  '::1',
  '[::1]evil',
  '%2Ftmp%2Fx.sock',
  'a b',
  'local\thost',
  'localhost/path',
  'localhost, evil.com',
  'http://localhost',
  '[',
  '\u00ff\u00fe',
];

/** Answers when its caller is gone. */
const untilLeft = (_request: unknown, context: HandlerContext): Promise<object> =>
  new Promise((resolve) => callOf(context).signal.addEventListener('abort', () => resolve({}), { once: true }));

async function alive(door: Door): Promise<void> {
  const res = await fetch(`${door.base}/api/v1/health`);
  assert.equal(res.status, 200);
  assert.match(res.headers.get('x-trace-id') ?? '', /^[0-9a-f]{32}$/);
}

describe('front door: what no request may do', () => {
  it('answers every malformed authority on every kind of path, and lives', async () => {
    await using door = await openDoor();
    for (const path of paths) {
      for (const host of authorities) {
        const text = await say(
          door.port,
          `POST ${path} HTTP/1.1\r\nHost: ${host}\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n`,
        );
        assert.match(text, /^HTTP\/1\.1 4\d\d /, `${path} ${JSON.stringify(host)}`);
      }
      for (const lines of ['', 'Host: localhost\r\nHost: evil.com\r\n', 'Host: evil.com\r\nHost: localhost\r\n']) {
        const text = await say(door.port, `POST ${path} HTTP/1.1\r\n${lines}content-type: application/json\r\nconnection: close\r\n\r\n`);
        assert.match(text, /^HTTP\/1\.1 4\d\d /, `${path} ${JSON.stringify(lines)}`);
      }
      assert.match(await say(door.port, `GET ${path} HTTP/1.0\r\n\r\n`), /^HTTP\/1\.1 421 /, path);
    }
    await alive(door);
  });

  it('does the same over HTTP/2', async () => {
    await using door = await openDoor();
    for (const path of paths) {
      for (const authority of authorities.filter((name) => name !== '' && !/[\s\u0080-\u00ff]/.test(name))) {
        const client = session(door.port);
        const answer = await ask(
          client,
          { ':path': path, ':method': 'POST', ':authority': authority, 'content-type': 'application/json' },
          '{}',
        );
        assert.ok(answer.status === 421 || answer.status === 0, `${path} ${authority}: ${answer.status}`);
        client.destroy();
      }
    }
    await alive(door);
  });

  it('answers odd targets, methods and headers below 500', async () => {
    await using door = await openDoor();
    const host = 'Host: 127.0.0.1\r\nConnection: close\r\n';
    const auth = `${host}Authorization: Bearer ${adminToken}\r\n`;
    const requests: [string, RegExp][] = [
      [`GET http://127.0.0.1/api/v1/health HTTP/1.1\r\n${host}\r\n`, / 200 /],
      [`GET http://evil.com/api/v1/health HTTP/1.1\r\n${host}\r\n`, / 421 /],
      [`GET //api/v1/health HTTP/1.1\r\n${host}\r\n`, / 404 /],
      [`GET //evil.com/api/v1/health HTTP/1.1\r\n${host}\r\n`, / 404 /],
      [`GET /api/v1/%ff HTTP/1.1\r\n${host}\r\n`, / 404 /],
      [`GET /% HTTP/1.1\r\n${host}\r\n`, / 404 /],
      [`GET ? HTTP/1.1\r\n${host}\r\n`, / 4\d\d /],
      [`GET * HTTP/1.1\r\n${host}\r\n`, / 4\d\d /],
      [`OPTIONS * HTTP/1.1\r\n${host}\r\n`, / 204 /],
      [`BREW /api/v1/events HTTP/1.1\r\n${host}\r\n`, / 400 /],
      [`PATCH /api/v1/events HTTP/1.1\r\n${auth}\r\n`, / 405 [\s\S]*allow: GET, HEAD, POST, OPTIONS/i],
      [`TRACE /api/v1/events HTTP/1.1\r\n${auth}\r\n`, / 405 /],
      [`CONNECT evil.com:443 HTTP/1.1\r\n${host}\r\n`, / 405 [\s\S]*"code":"unimplemented"[\s\S]*"METHOD_NOT_ALLOWED"/],
      [`GET /api/v1/health HTTP/1.1\r\n${host}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`, / 200 /],
      [
        `GET /api/v1/health HTTP/1.1\r\n${host}Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n`,
        / 200 /,
      ],
      [`GET /api/v1/health HTTP/1.1\r\n${host}X: ${'a'.repeat(40_000)}\r\n\r\n`, / 431 [\s\S]*"code":"invalid_argument"/],
      [`GET /api/v1/health HTTP/1.1\r\n${host}Expect: nonsense\r\n\r\n`, / 417 /],
      [
        `POST /api/v1/events HTTP/1.1\r\n${auth}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n2\r\n{}\r\n0\r\nx: y\r\n\r\n`,
        / 201 /,
      ],
      [`POST /api/v1/events HTTP/1.1\r\n${auth}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`, / 400 /],
      [`POST /api/v1/events HTTP/1.1\r\n${auth}Content-Length: -1\r\n\r\n`, / 400 /],
      ['\r\n\r\n\r\n', /^$|400/],
      ['\u0016\u0003\u0001\u0002', / 400 /],
      ['PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n', / 4\d\d |^$/],
    ];
    for (const [request, want] of requests) {
      // Some may be met with silence, for a while at least.
      const until = want.test('') ? { waitMs: 300 } : { enough: want };
      assert.match(await say(door.port, Buffer.from(request, 'latin1'), until), want, request.slice(0, 60));
    }
    await alive(door);
  });

  it('asks for a body (100 Continue) only from who passes the gate', async () => {
    await using door = await openDoor();
    const head = 'POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n';
    assert.match(await say(door.port, `${head}Authorization: Bearer ${adminToken}\r\n\r\n`, { enough: / 100 / }), /^HTTP\/1\.1 100 /);
    assert.match(await say(door.port, `${head}\r\n`, { enough: / 401 / }), /^HTTP\/1\.1 401 /);
  });

  it('survives rapid resets, settings and ping floods', async () => {
    await using door = await openDoor();
    const client = session(door.port);
    for (let i = 0; i < 3000 && !client.destroyed; i += 1) {
      const stream = client.request({
        ':path': '/sboxagent.v1.EventService/ListEvents',
        ':method': 'POST',
        'content-type': 'application/grpc',
      });
      stream.on('error', () => {});
      stream.close(8);
      if (i % 100 === 0) await sleep(1);
    }
    client.destroy();
    const socket = await open(door.port);
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const settings = Buffer.concat(Array.from({ length: 2000 }, () => Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])));
    const ping = Buffer.concat(Array.from({ length: 2000 }, () => Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])));
    socket.write(settings);
    socket.write(ping);
    await sleep(200);
    socket.destroy();
    await alive(door);
  });

  it('refuses bombs without a token before it reads them', async () => {
    await using door = await openDoor();
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const url = `${door.base}/sboxagent.v1.EventService/CreateEvent`;
    const before = process.memoryUsage().rss;
    for (const headers of [
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      { 'content-type': 'application/json', 'content-encoding': 'br' },
    ]) {
      const res = await fetch(url, { method: 'POST', headers, body: bomb });
      assert.equal(res.status, 401);
    }
    const client = session(door.port);
    const frame = Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), bomb]);
    frame.writeUInt32BE(bomb.length, 1);
    const headers = {
      ':path': '/sboxagent.v1.EventService/CreateEvent',
      ':method': 'POST',
      'content-type': 'application/grpc',
      'grpc-encoding': 'gzip',
    };
    const answer = await ask(client, headers, frame);
    assert.equal(answer.headers['grpc-status'], '16');
    client.destroy();
    assert.ok(process.memoryUsage().rss - before < 32 * 1024 * 1024, `${process.memoryUsage().rss - before}`);
    // With a token the decompressed size is bounded too.
    const res = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip', authorization: `Bearer ${adminToken}` },
      body: gzipSync(Buffer.alloc(16 * 1024 * 1024)),
    });
    assert.equal(res.status, 429);
    await alive(door);
  });

  it('answers pipelined requests in order, and forgets those whose connection goes', async () => {
    await using door = await openDoor({ limits: { concurrentUnary: 10 } }, { handlers: { listEvents: untilLeft } });
    const auth = `Host: localhost\r\nAuthorization: Bearer ${adminToken}\r\n`;
    const rest = `GET /api/v1/health HTTP/1.1\r\n${auth}\r\n`;
    const rpc = `POST /sboxagent.v1.EventService/CreateEvent HTTP/1.1\r\n${auth}Content-Type: application/json\r\nContent-Length: 22\r\n\r\n{"event":{"type":"x"}}`;
    const text = await say(door.port, `${rest}${rpc}${rest}${rpc}${rpc}`, { enough: /(HTTP\/1\.1 200 OK[\s\S]*){5}/ });
    assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 5);
    const hanging = `POST /sboxagent.v1.EventService/ListEvents HTTP/1.1\r\n${auth}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`;
    const socket = await open(door.port);
    socket.write(hanging.repeat(5));
    while (door.door.stats().unary < 5) await sleep(5);
    socket.destroy();
    await eventually(() => door.door.stats().unary === 0);
    await alive(door);
  });

  it('serves on after a refusal whose body was not read to its end', async () => {
    await using door = await openDoor();
    const head = 'POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\n';
    const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n${`4000\r\n${'x'.repeat(0x4000)}\r\n`.repeat(8)}0\r\n\r\n`;
    const health = 'GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const text = await say(door.port, `${chunked}${health}`, { enough: /connection: close| 200 OK/i });
    // Either the connection is closed with the refusal, or it serves what follows: never silence on an open one.
    assert.match(text, /^HTTP\/1\.1 401 /);
    assert.ok(/connection: close/i.test(text) || / 200 OK/.test(text), text);
    const small = `${head}Content-Length: 5\r\n\r\nhello${health}`;
    const both = /^HTTP\/1\.1 401 [\s\S]*HTTP\/1\.1 200 OK/;
    assert.match(await say(door.port, small, { enough: both }), both);
  });

  it('closes what the cap on connections turns away, and serves again afterwards', async () => {
    await using door = await openDoor({ limits: { connections: 5 } });
    const held = await Promise.all(Array.from({ length: 9 }, () => open(door.port)));
    const refused = (): number | undefined => door.telemetry.counts.get('sboxagent_limit_refused_total connections');
    await eventually(() => refused() === 4);
    assert.equal(door.door.stats().connections, 5);
    for (const socket of held) socket.destroy();
    await eventually(() => door.door.stats().connections === 0);
    await alive(door);
  });
});
