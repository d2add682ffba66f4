import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { unlink, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { ErrorInfoSchema, RetryInfoSchema } from '../../gen/es/google/rpc/error_details_pb.js';
import { EventService } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import type { PlainRoute } from '../../src/api/index.ts';
import { bindUnixSocket } from '../../src/api/listener/unix-socket.ts';
import { adminToken, apiSettings, type Door, openDoor, readToken } from '../helpers/door.ts';
import { eventually } from '../helpers/event-room.ts';
import { ask, session } from '../helpers/raw.ts';

const auth = { authorization: `Bearer ${adminToken}` };

function grpc(door: Door, token = adminToken) {
  const transport = createGrpcTransport({
    baseUrl: door.base,
    interceptors: [
      (next) => (req) => {
        req.header.set('authorization', `Bearer ${token}`);
        return next(req);
      },
    ],
  });
  return createClient(EventService, transport);
}

/** Reads a stream to its end; the error is what it ended with. */
async function ending(stream: AsyncIterable<unknown>, onFirst?: () => void): Promise<ConnectError | undefined> {
  try {
    for await (const _ of stream) onFirst?.();
    return undefined;
  } catch (error) {
    return ConnectError.from(error);
  }
}

const reasonOf = (error: ConnectError | undefined): string | undefined => error?.findDetails(ErrorInfoSchema)[0]?.reason;

interface Raw {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** fetch() does not let a program say Origin, Host or Sec-Fetch-Site. */
function request(door: Door, path: string, options: http.RequestOptions = {}, body?: string): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const req = http.request(`${door.base}${path}`, { agent: false, ...options }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text }));
    });
    req.once('error', reject);
    req.end(body);
  });
}

describe('front door: host and origin', () => {
  it('serves allowed names with any port, and listed ones', async () => {
    await using door = await openDoor({ allowedHosts: ['agent.lan'] });
    for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1:9', '[::1]:8080', 'agent.lan', 'agent.lan:80']) {
      assert.equal((await request(door, '/api/v1/health', { headers: { host } })).status, 200, host);
    }
    const refused = await request(door, '/api/v1/health', { headers: { host: 'evil.com' } });
    assert.equal(refused.status, 421);
    assert.match(refused.body, /HOST_NOT_ALLOWED/);
  });

  it('says what a path takes to who asks by OPTIONS', async () => {
    await using door = await openDoor();
    const allowed = async (path: string) => (await request(door, path, { method: 'OPTIONS' })).headers.allow;
    assert.equal(await allowed('/api/v1/events'), 'GET, HEAD, POST, OPTIONS');
    assert.equal(await allowed('/api/v1/events/one'), 'GET, HEAD, OPTIONS');
    assert.equal(await allowed('/api/v1/events:batch'), 'POST, OPTIONS');
    assert.equal(await allowed('/metrics'), 'GET, HEAD, OPTIONS');
    assert.equal(await allowed('/sboxagent.v1.EventService/ListEvents'), 'POST, GET, HEAD, OPTIONS');
    assert.equal(await allowed('/nowhere'), 'OPTIONS');
  });

  it('refuses pages that are not listed, also for GET', async () => {
    await using door = await openDoor();
    const rpc = '/sboxagent.v1.EventService/ListEvents';
    const headers = [
      { origin: 'http://evil.com' },
      { origin: 'null' },
      { origin: 'http://localhost:30001' },
      { 'sec-fetch-site': 'cross-site' },
    ];
    for (const one of headers) {
      for (const [path, method] of [
        ['/api/v1/events', 'GET'],
        ['/api/v1/events', 'POST'],
        [rpc, 'POST'],
        [`${rpc}?encoding=json&message=%7B%7D`, 'GET'],
      ] as const) {
        const res = await request(
          door,
          path,
          { method, headers: { ...auth, ...one, 'content-type': 'application/json' } },
          method === 'POST' ? '{}' : undefined,
        );
        assert.equal(res.status, 403, `${method} ${path} ${JSON.stringify(one)}`);
        assert.equal(res.headers['access-control-allow-origin'], undefined);
        assert.match(res.headers['vary'] ?? '', /Origin/);
      }
    }
  });

  it('lets a link of another site lead to what is public, and to nothing else', async () => {
    const page: PlainRoute = {
      ...{ path: '/page', scope: undefined, rateLimited: true },
      serve: async (exchange) => exchange.answer(200, { 'content-type': 'text/html' }, 'page'),
    };
    await using door = await openDoor({}, { plain: [page] });
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    assert.equal((await request(door, '/page', { headers: link })).status, 200);
    for (const other of [
      { ...link, 'sec-fetch-dest': 'iframe' },
      { ...link, 'sec-fetch-mode': 'no-cors' },
      { ...link, origin: 'http://evil.com' },
    ]) {
      assert.equal((await request(door, '/page', { headers: other })).status, 403, JSON.stringify(other));
    }
    for (const path of ['/api/v1/events', '/api/v1/health']) {
      assert.equal((await request(door, path, { headers: { ...auth, ...link } })).status, 403, path);
    }
  });

  it('lets the listed page and its own page in', async () => {
    await using door = await openDoor();
    const origin = 'http://localhost:3000';
    const wants = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' };
    const preflight = await request(door, '/api/v1/events', { method: 'OPTIONS', headers: { origin, ...wants } });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers['access-control-allow-origin'], origin);
    assert.match(preflight.headers['access-control-allow-methods'] ?? '', /POST/);
    assert.match(preflight.headers['access-control-allow-headers'] ?? '', /authorization/);
    assert.match(String(preflight.headers['x-trace-id']), /^[0-9a-f]{32}$/);
    assert.equal(
      (await request(door, '/api/v1/events', { method: 'OPTIONS', headers: { origin: 'http://evil.com', ...wants } })).status,
      403,
    );
    const call = await request(door, '/api/v1/events', { headers: { ...auth, origin, 'sec-fetch-site': 'cross-site' } });
    assert.equal(call.status, 200);
    assert.equal(call.headers['access-control-allow-origin'], origin);
    assert.equal(call.headers['access-control-allow-credentials'], undefined);
    assert.match(call.headers['access-control-expose-headers'] ?? '', /x-trace-id.*grpc-status/);
    assert.equal((await request(door, '/api/v1/events', { headers: { ...auth, origin: door.base } })).status, 200);
  });
});

describe('front door: token, route, trace id', () => {
  it('judges the route before the token, and the token before the scope', async () => {
    await using door = await openDoor();
    assert.equal((await request(door, '/nothing')).status, 404);
    assert.equal((await request(door, '/api/v1/events', { method: 'PATCH' })).status, 405);
    const none = await request(door, '/api/v1/events');
    assert.deepEqual([none.status, none.headers['www-authenticate']], [401, 'Bearer']);
    assert.equal((await request(door, '/metrics')).status, 401);
    assert.equal((await request(door, '/metrics', { headers: auth })).body, 'up 1\n');
    const scope = await request(door, '/api/v1/events', { method: 'POST', headers: { authorization: `Bearer ${readToken}` } }, '{"a":1}');
    assert.equal(scope.status, 403);
    assert.match(scope.body, /"scope":"events:write"/);
  });

  it('needs no token where the method has no scope, and takes a valid one that comes along', async () => {
    await using door = await openDoor();
    assert.match((await request(door, '/api/v1/health')).body, /anonymous/);
    assert.match((await request(door, '/api/v1/health', { headers: { authorization: 'Bearer wrong' } })).body, /anonymous/);
    assert.match((await request(door, '/api/v1/health', { headers: { authorization: `Bearer ${readToken}` } })).body, /reader/);
  });

  it('gives every answer a trace id: the caller\u2019s, or its own', async () => {
    await using door = await openDoor();
    const trace = '0123456789abcdef0123456789abcdef';
    for (const path of ['/api/v1/events', '/nothing', '/metrics', '/api/v1/health', '/sboxagent.v1.EventService/ListEvents']) {
      const own = (await request(door, path)).headers['x-trace-id'];
      assert.match(`${own}`, /^[0-9a-f]{32}$/, path);
      const res = await request(door, path, { headers: { traceparent: `00-${trace}-0123456789abcdef-01` } });
      assert.equal(res.headers['x-trace-id'], trace, path);
    }
  });

  it('answers unknown RPCs in the shape of the protocol', async () => {
    await using door = await openDoor();
    const client = session(door.port);
    const answer = await ask(
      client,
      { ':path': '/sboxagent.v1.EventService/Nope', ':method': 'POST', 'content-type': 'application/grpc' },
      Buffer.alloc(5),
    );
    client.destroy();
    assert.deepEqual([answer.status, answer.headers['grpc-status'], answer.body], [200, '12', '']);
    assert.equal((await request(door, '/sboxagent.v1.EventService/Nope', { method: 'POST' })).status, 404);
  });
});

describe('front door: how much', () => {
  it('limits the rate per token, tells how long to wait, and leaves the unix socket alone', async () => {
    const rateLimit = { enabled: true, requestsPerMinute: 60, burst: 3 };
    const { security } = apiSettings();
    await using door = await openDoor({ security: { ...security, rateLimit } });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i += 1) statuses.push((await request(door, '/api/v1/events', { headers: auth })).status);
    assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
    const limited = await request(door, '/api/v1/events', { headers: auth });
    assert.match(limited.headers['retry-after'] ?? '', /^\d+$/);
    assert.match(limited.body, /RetryInfo/);
    const error = await ending(
      (async function* () {
        yield await grpc(door).listEvents({});
      })(),
    );
    assert.deepEqual([error?.code, reasonOf(error)], [Code.ResourceExhausted, 'RATE_LIMITED']);
    assert.equal(error?.findDetails(RetryInfoSchema).length, 1);
    assert.equal((await request(door, '/api/v1/events', { headers: { authorization: `Bearer ${readToken}` } })).status, 200);
    assert.equal((await request(door, '/metrics', { headers: auth })).status, 200);
    assert.ok((door.telemetry.counts.get('sboxagent_rate_limited_total') ?? 0) >= 3);
  });

  it('counts calls without a valid token against the address of their peer; who holds a token does not pay for them', async () => {
    const rateLimit = { enabled: true, requestsPerMinute: 60, burst: 3 };
    const { security } = apiSettings();
    await using door = await openDoor({ security: { ...security, rateLimit } });
    const guesses: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      guesses.push((await request(door, '/api/v1/events', { headers: { authorization: `Bearer guess-${i}` } })).status);
    }
    assert.deepEqual(guesses, [401, 401, 401, 429, 429]);
    assert.equal((await request(door, '/api/v1/events', { headers: auth })).status, 200);
  });

  it('caps streams, over all protocols, and makes room when one leaves', async () => {
    await using door = await openDoor({ streams: { maxConnections: 2 } });
    const aborts = [new AbortController(), new AbortController()];
    const client = grpc(door);
    const opened: Promise<unknown>[] = [];
    for (const { signal } of aborts) {
      await new Promise<void>((resolve) => opened.push(ending(client.watchEvents({}, { signal }), resolve)));
    }
    const third = await ending(client.watchEvents({}));
    assert.deepEqual([third?.code, reasonOf(third)], [Code.ResourceExhausted, 'STREAM_LIMIT_REACHED']);
    assert.equal((await request(door, '/api/v1/events:watch', { headers: auth })).status, 429);
    assert.deepEqual(door.door.streamsByMethod(), { '/sboxagent.v1.EventService/WatchEvents': 2 });
    aborts[0]?.abort();
    await opened[0];
    await eventually(() => door.door.stats().streams === 1);
    aborts[1]?.abort();
    await Promise.all(opened);
  });

  it('refuses by the announced size, before the body', async () => {
    await using door = await openDoor();
    const headers = { ...auth, 'content-length': 40_000, 'content-type': 'application/json' };
    assert.equal((await request(door, '/api/v1/events', { method: 'POST', headers }, 'x'.repeat(40_000))).status, 413);
    assert.equal(
      (await request(door, '/sboxagent.v1.EventService/CreateEvent', { method: 'POST', headers }, 'x'.repeat(40_000))).status,
      429,
    );
  });
});

describe('front door: cutting and stopping', () => {
  it('ends the streams of a revoked token at once, and nobody else\u2019s', async () => {
    await using door = await openDoor();
    const other = new AbortController();
    let otherEnded = false;
    const others = ending(grpc(door).watchEvents({}, { signal: other.signal })).then(() => {
      otherEnded = true;
    });
    const sse = request(door, '/api/v1/events:watch', { headers: { authorization: `Bearer ${readToken}` } });
    const error = await ending(grpc(door, readToken).watchEvents({}), () => {
      door.access.revoke('reader', 'TOKEN_REVOKED');
    });
    assert.deepEqual([error?.code, reasonOf(error)], [Code.Unauthenticated, 'TOKEN_REVOKED']);
    assert.match((await sse).body, /event: error/);
    assert.equal(otherEnded, false);
    other.abort();
    await others;
  });

  it('resets a call that does not listen to the signal', async () => {
    const deaf = {
      async *watchEvents() {
        yield {};
        await new Promise(() => {});
      },
    };
    await using door = await openDoor({}, { handlers: deaf });
    const error = await ending(grpc(door, readToken).watchEvents({}), () => door.access.revoke('reader', 'TOKEN_REVOKED'));
    assert.ok(error !== undefined);
    await sleep(50);
    assert.equal(door.door.stats().streams, 1, 'its handler goes on, and holds its place');
  });

  it('cuts a watcher that reads nothing, with bounded memory, and lets a slow one live', async () => {
    await using door = await openDoor({ streams: { pongTimeoutMs: 700 } }, { flood: 8 * 1024 });
    const before = process.memoryUsage().rss;
    const client = session(door.port);
    const headers = { ':path': '/sboxagent.v1.EventService/WatchEvents', ':method': 'POST', 'content-type': 'application/grpc', ...auth };
    const deaf = client.request(headers);
    deaf.on('error', () => {});
    deaf.end(Buffer.alloc(5));
    const closed = new Promise<number>((resolve) => deaf.on('close', () => resolve(deaf.rstCode ?? -1)));
    const slow = client.request(headers);
    let messages = 0;
    const read = setInterval(() => {
      messages += slow.read(16 * 1024) === null ? 0 : 1;
    }, 50);
    slow.on('error', () => {});
    slow.end(Buffer.alloc(5));
    while (door.door.stats().streams < 2) await sleep(5);
    const deadline = performance.now() + 30_000;
    while (door.door.stats().streams > 1 && performance.now() < deadline) await sleep(20);
    assert.equal(door.door.stats().streams, 1);
    deaf.resume();
    assert.equal(await closed, 11, 'ENHANCE_YOUR_CALM');
    await sleep(800);
    assert.equal(door.door.stats().streams, 1, 'the slow one lives');
    assert.ok(messages > 5);
    assert.ok(process.memoryUsage().rss - before < 48 * 1024 * 1024);
    assert.ok(door.telemetry.ended.some((call) => call.code === 'resource_exhausted'));
    clearInterval(read);
    client.destroy();
  });

  it('stops: streams end UNAVAILABLE, calls in flight drain, the socket file goes', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const listEvents = async () => {
      await gate;
      return {};
    };
    await using door = await openDoor({}, { handlers: { listEvents } });
    let stopped: Promise<void> | undefined;
    const unary = grpc(door).listEvents({});
    while (door.door.stats().unary === 0) await sleep(5);
    const stream = ending(grpc(door).watchEvents({}), () => {
      stopped = door.door.stop(3000);
    });
    const error = await stream;
    assert.deepEqual([error?.code, reasonOf(error)], [Code.Unavailable, 'SHUTTING_DOWN']);
    release();
    assert.deepEqual((await unary).events, []);
    await stopped;
    assert.equal(existsSync(door.socketPath), false);
    await assert.rejects(request(door, '/api/v1/health'));
  });

  it('destroys what does not end by the deadline', async () => {
    await using door = await openDoor({}, { handlers: { listEvents: () => new Promise(() => {}) } });
    const unary = ending(
      (async function* () {
        yield await grpc(door).listEvents({});
      })(),
    );
    await sleep(100);
    await door.door.stop(200);
    assert.ok((await unary) !== undefined);
  });

  it('takes new limits while it runs', async () => {
    await using door = await openDoor();
    const api = apiSettings({ allowedHosts: ['new.lan'] });
    door.door.reconfigure(api);
    assert.equal((await request(door, '/api/v1/health', { headers: { host: 'new.lan' } })).status, 200);
  });
});

describe('front door: the unix socket', () => {
  it('replaces a stale file, leaves a living one and other files alone', async () => {
    await using door = await openDoor();
    const settings = { path: door.socketPath, mode: 0o600, group: undefined };
    await assert.rejects(bindUnixSocket(createServer(), settings), /RefusedError.*another program listens/);
    const file = `${door.socketPath}.txt`;
    await writeFile(file, 'x');
    await assert.rejects(bindUnixSocket(createServer(), { ...settings, path: file }), /is no socket/);
    await assert.rejects(bindUnixSocket(createServer(), { ...settings, path: `/tmp/${'x'.repeat(120)}` }), /at most 107 bytes/);
    await assert.rejects(
      bindUnixSocket(createServer(), { ...settings, path: `${file}2`, group: 'no-such-group' }),
      /no group no-such-group/,
    );
  });

  it('a stop removes its own file and nobody else\u2019s', async () => {
    const door = await openDoor();
    await unlink(door.socketPath);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(door.socketPath, resolve));
    await door.door.stop(100);
    assert.equal(existsSync(door.socketPath), true);
    await new Promise((resolve) => other.close(resolve));
    await door[Symbol.asyncDispose]();
  });
});
