import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as http2Connect, type IncomingHttpHeaders } from 'node:http2';
import { describe, it } from 'node:test';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { BadRequestSchema, ErrorInfoSchema } from '../../gen/es/google/rpc/error_details_pb.js';
import { EventService } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import { AgentError, invalid } from '../../src/kernel/errors.ts';
import { adminToken, openDoor, readToken } from '../helpers/door.ts';
import { closedAfter, open } from '../helpers/raw.ts';

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const rpc = '/sboxagent.v1.EventService';

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition() && tries < 6000; tries += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(condition(), what);
}

describe('front door: places', () => {
  it('one is held until the handler has ended, also when its caller left', async () => {
    const release = Promise.withResolvers<void>();
    let begun = 0;
    const handlers = {
      async listEvents() {
        begun += 1;
        await release.promise;
        return {};
      },
    };
    await using door = await openDoor({ limits: { concurrentUnary: 2 } }, { handlers });
    const leaving = [new AbortController(), new AbortController()];
    const lost = leaving.map(({ signal }) => fetch(`${door.base}/api/v1/events`, { headers: bearer(adminToken), signal }).catch(() => {}));
    await until('both are in work', () => begun === 2);
    for (const controller of leaving) controller.abort();
    await Promise.all(lost);
    await until('both are counted as left', () => door.telemetry.ended.length === 2);
    const third = await fetch(`${door.base}/api/v1/events`, { headers: bearer(adminToken) });
    assert.equal(third.status, 429);
    assert.match(await third.text(), /UNARY_LIMIT_REACHED/);
    release.resolve();
    await until('the places are free', () => door.door.stats().unary === 0);
    assert.equal((await fetch(`${door.base}/api/v1/events`, { headers: bearer(adminToken) })).status, 200);
  });

  it('who holds them all keeps nobody else out', async () => {
    await using door = await openDoor({ streams: { maxConnections: 3 } });
    const open = async (token: string): Promise<Response> => fetch(`${door.base}/api/v1/events:watch`, { headers: bearer(token) });
    const held = await Promise.all([open(adminToken), open(adminToken), open(adminToken)]);
    assert.deepEqual(
      held.map(({ status }) => status),
      [200, 200, 200],
    );
    assert.equal((await open(adminToken)).status, 429);
    const other = await open(readToken);
    assert.equal(other.status, 200);
    assert.equal((await open(readToken)).status, 429, 'beyond the cap there is a share, and no more');
    await Promise.all([...held, other].map(({ body }) => body?.cancel()));
  });

  it('plain routes take places too', async () => {
    const release = Promise.withResolvers<void>();
    const handlers = { listEvents: () => release.promise.then(() => ({})) };
    await using door = await openDoor({ limits: { concurrentUnary: 1 } }, { handlers });
    const first = fetch(`${door.base}/api/v1/events`, { headers: bearer(adminToken) });
    await until('the place is taken', () => door.door.stats().unary === 1);
    assert.equal((await fetch(`${door.base}/metrics`, { headers: bearer(adminToken) })).status, 429);
    assert.equal((await fetch(`${door.base}/api/v1/health`)).status, 200);
    release.resolve();
    assert.equal((await first).status, 200);
  });
});

describe('front door: peers that vanish', () => {
  it('one that answers no PING is ended; one that does lives on, with its stream', async () => {
    await using door = await openDoor({ streams: { pingIntervalMs: 300, pongTimeoutMs: 300 } });
    const living = http2Connect(door.base);
    const watch = living.request({ ':path': '/api/v1/events:watch', ...bearer(adminToken) });
    watch.resume();
    await once(watch, 'response');
    const deaf = await open(door.port);
    deaf.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    deaf.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    assert.notEqual(await closedAfter(deaf, 60_000), undefined);
    await until('the other one is left', () => door.door.stats().connections === 1);
    assert.equal(door.door.stats().streams, 1);
    living.destroy();
  });

  it('an agent that stood still blames nobody for it', async () => {
    await using door = await openDoor({ streams: { pingIntervalMs: 300, pongTimeoutMs: 300 } });
    const peer = http2Connect(door.base);
    const watch = peer.request({ ':path': '/api/v1/events:watch', ...bearer(adminToken) });
    watch.on('error', () => {}).resume();
    await once(watch, 'response');
    // The answer to the PING is on its way, and nothing is read before the agent looks how long it waits.
    const stands = new Int32Array(new SharedArrayBuffer(4));
    peer.on('ping', () => Atomics.wait(stands, 0, 0, 700));
    for (let pings = 0; pings < 3 && !peer.destroyed; pings++) await Promise.race([once(peer, 'ping'), once(peer, 'close')]);
    assert.deepEqual([peer.destroyed, door.door.stats().streams], [false, 1]);
    peer.destroy();
  });

  it('what has no PING is asked by the kernel (keepalive), a stream of HTTP/1.1 too', async () => {
    await using door = await openDoor({ streams: { pingIntervalMs: 7000 } });
    const stream = await open(door.port);
    stream.write(`GET /api/v1/events:watch HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${adminToken}\r\n\r\n`);
    await once(stream, 'data');
    const hex = (port: number | undefined): string => `:${(port ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
    const ours = /\n *\d+: (\S+) (\S+) \S+ \S+ (\w\w):(\w+)/g;
    // The timer of the agent's end: 02 is that of keepalive, with the hundredths of a second that are left.
    await until('its timer', () => {
      const found = [...readFileSync('/proc/net/tcp', 'latin1').matchAll(ours)].find(
        ([, local, remote]) => local?.endsWith(hex(door.port)) && remote?.endsWith(hex(stream.localPort)),
      );
      const [, , , timer, left = ''] = found ?? [];
      return timer === '02' && Number.parseInt(left, 16) <= 700;
    });
    stream.destroy();
  });
});

describe('front door: errors of any size', () => {
  const violations = Array.from({ length: 90 }, (_, i) => ({
    field: `events[${i}].type`,
    message: `is wrong: ${'é'.repeat(100)}`,
    rule: 'r',
  }));
  const handlers = {
    createEvent: () => {
      throw invalid(violations);
    },
    listEvents: () => {
      throw new AgentError('DISK_FULL', 'no room', { retryAfterMs: 7000 });
    },
  };

  it('fit into the trailers that clients take, with a count of what was left out', async () => {
    await using door = await openDoor({}, { handlers });
    const session = http2Connect(door.base);
    const headers = { ':method': 'POST', ':path': `${rpc}/CreateEvent`, 'content-type': 'application/grpc', ...bearer(adminToken) };
    const stream = session.request(headers);
    stream.resume().end(Buffer.alloc(5));
    const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    session.destroy();
    const bytes = Object.entries(answer).reduce((sum, [name, value]) => sum + name.length + String(value).length + 32, 0);
    assert.ok(bytes < 8 * 1024, `${bytes}`);
    assert.ok(String(answer['grpc-message']).length <= 1024);
    const client = createClient(
      EventService,
      createGrpcTransport({
        baseUrl: door.base,
        interceptors: [
          (next) => (req) => {
            req.header.set('authorization', `Bearer ${adminToken}`);
            return next(req);
          },
        ],
      }),
    );
    const error = await client.createEvent({}).then(
      () => assert.fail('should have failed'),
      (thrown: unknown) => ConnectError.from(thrown),
    );
    assert.equal(error.code, Code.InvalidArgument);
    const told = error.findDetails(BadRequestSchema)[0]?.fieldViolations.length ?? 0;
    const info = error.findDetails(ErrorInfoSchema)[0];
    assert.equal(info?.reason, 'INVALID_REQUEST');
    assert.ok(told > 0);
    assert.equal(info?.metadata['violations_left_out'], String(violations.length - told));
  });

  it('are as short by REST and Connect', async () => {
    await using door = await openDoor({}, { handlers });
    for (const path of ['/api/v1/events', `${rpc}/CreateEvent`]) {
      const headers = { 'content-type': 'application/json', ...bearer(adminToken) };
      const text = await (await fetch(`${door.base}${path}`, { method: 'POST', headers, body: '{}' })).text();
      const { message, details } = JSON.parse(text) as { message: string; details: unknown[] };
      assert.ok(Buffer.byteLength(message) <= 1024, path);
      assert.ok(Buffer.byteLength(JSON.stringify(details)) <= 4096, path);
      assert.match(text, /violations_left_out|detail/, path);
    }
  });

  it('tell how long to wait on every protocol, in the header too', async () => {
    await using door = await openDoor({}, { handlers });
    const headers = { 'content-type': 'application/json', ...bearer(adminToken) };
    const connect = await fetch(`${door.base}${rpc}/ListEvents`, { method: 'POST', headers, body: '{}' });
    assert.equal(connect.headers.get('retry-after'), '7');
    const rest = await fetch(`${door.base}/api/v1/events`, { headers });
    assert.equal(rest.headers.get('retry-after'), '7');
  });
});

describe('front door: bodies', () => {
  it('asks for one over HTTP/2 too (100 Continue), but not from who is refused', async () => {
    await using door = await openDoor();
    const session = http2Connect(door.base);
    const headers = { ':method': 'POST', ':path': '/api/v1/events', 'content-type': 'application/json', expect: '100-continue' };
    const stream = session.request({ ...headers, ...bearer(adminToken) });
    stream.resume();
    await once(stream, 'continue');
    stream.end('{}');
    const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    assert.equal(answer[':status'], 201);
    const refused = session.request(headers);
    refused.on('error', () => {}).resume();
    let asked = false;
    refused.on('continue', () => {
      asked = true;
    });
    const [refusal] = (await once(refused, 'response')) as [IncomingHttpHeaders];
    assert.deepEqual([refusal[':status'], asked], [401, false]);
    session.destroy();
  });

  it('a refusal does not wait for a body that goes on', async () => {
    await using door = await openDoor();
    const session = http2Connect(door.base);
    for (const type of ['application/json', 'application/grpc']) {
      const path = type === 'application/json' ? '/api/v1/events' : `${rpc}/CreateEvent`;
      const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': type });
      stream.on('error', () => {}).resume();
      let ended = false;
      // The rest of the body comes only after the answer.
      void once(stream, 'response').then(() => {
        ended = true;
        stream.end();
      });
      stream.write('{');
      await once(stream, 'close');
      assert.equal(ended, true, type);
      assert.equal(stream.rstCode, 0, `${type}: the answer is whole, and nothing was reset under it`);
    }
    session.destroy();
    for (const path of ['/api/v1/events', `${rpc}/CreateEvent`, '/nowhere']) {
      const socket = await open(door.port);
      const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
      socket.write(`${head}1\r\n{\r\n`);
      const [said] = (await once(socket, 'data')) as [Buffer];
      assert.match(said.toString(), /^HTTP\/1\.1 40[14] /, path);
      socket.destroy();
    }
  });
});
