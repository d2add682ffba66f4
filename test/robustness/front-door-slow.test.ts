import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { EventService } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import { adminToken, openDoor } from '../helpers/door.ts';
import { eventually } from '../helpers/event-room.ts';
import { closedAfter, open, session } from '../helpers/raw.ts';

const limits = { headerTimeoutMs: 1000, bodyTimeoutMs: 1000, idleTimeoutMs: 1500 };
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const settings = Buffer.concat([Buffer.from(preface), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]);
const post = `POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${adminToken}\r\nContent-Length: 1000\r\n\r\n{"type":`;
/** HEADERS of stream 1 without END_HEADERS: static-table entries for GET, http, /. */
const unfinished = Buffer.from([0, 0, 3, 1, 0, 0, 0, 0, 1, 0x82, 0x86, 0x84]);

/** Long after every limit: who is still connected by then was not closed by us. */
const patienceMs = 60_000;

interface Dawdler {
  readonly first: string | Uint8Array;
  readonly drip?: string;
  readonly leastMs?: number;
}

const dawdlers: Readonly<Record<string, Dawdler>> = {
  'half a header': { first: 'GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nX:' },
  'a header that trickles': { first: 'GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nX: ', drip: 'a' },
  'half a body': { first: post },
  'a body that trickles': { first: post, drip: ' ' },
  'kept alive and silent': { first: 'GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n', leastMs: 1000 },
  'no byte at all': { first: '', leastMs: 1000 },
  'half a preface': { first: preface.slice(0, 12) },
  'a session without a request': { first: settings, leastMs: 1000 },
  'headers without their end': { first: Buffer.concat([settings, unfinished]) },
};

describe('front door: clients that dawdle', { concurrency: true }, () => {
  for (const [name, { first, drip, leastMs = 500 }] of Object.entries(dawdlers)) {
    it(`${name}: closed in time`, async () => {
      await using door = await openDoor({ limits });
      // From before the connection: the server's time begins later, however late this program comes to look.
      const began = performance.now();
      const socket = await open(door.port);
      if (first !== '') socket.write(first);
      const timer = drip === undefined ? undefined : setInterval(() => socket.writable && socket.write(drip), 100);
      const closed = (await closedAfter(socket, patienceMs).finally(() => clearInterval(timer))) !== undefined;
      const took = performance.now() - began;
      assert.ok(closed && took >= leastMs, `${closed ? 'closed' : 'open'} after ${took} ms`);
      assert.equal((await fetch(`${door.base}/api/v1/health`)).status, 200);
    });
  }

  it('an HTTP/2 request without its body, on REST and on an RPC: ended in time', async () => {
    await using door = await openDoor({ limits });
    const client = session(door.port);
    const auth = { authorization: `Bearer ${adminToken}`, ':method': 'POST' };
    const requests = [
      { ...auth, ':path': '/api/v1/events', 'content-type': 'application/json' },
      { ...auth, ':path': '/sboxagent.v1.EventService/CreateEvent', 'content-type': 'application/grpc' },
      { ...auth, ':path': '/sboxagent.v1.EventService/CreateEvent', 'content-type': 'application/json' },
      { ...auth, ':path': '/sboxagent.v1.EventService/WatchEvents', 'content-type': 'application/grpc' },
    ];
    const took = await Promise.all(
      requests.map(async (headers) => {
        const start = performance.now();
        const stream = client.request(headers);
        stream.on('error', () => {});
        stream.resume().write('{');
        await new Promise((resolve) => stream.once('close', resolve));
        return performance.now() - start;
      }),
    );
    assert.ok(
      took.every((ms) => ms > 500),
      String(took),
    );
    client.destroy();
  });

  it('idle streams are no dawdlers: a watch and a bidi call live on', async () => {
    await using door = await openDoor({ limits, streams: { pongTimeoutMs: 1000 } });
    const transport = createGrpcTransport({
      baseUrl: door.base,
      interceptors: [
        (next) => (req) => {
          req.header.set('authorization', `Bearer ${adminToken}`);
          return next(req);
        },
      ],
    });
    const client = createClient(EventService, transport);
    const stop = new AbortController();
    let ended = false;
    const watch = (async () => {
      for await (const _ of client.watchEvents({}, { signal: stop.signal }));
    })().catch(() => {
      ended = !stop.signal.aborted;
    });
    const acks: bigint[] = [];
    for await (const ack of client.publishEvents(
      (async function* () {
        yield { batchId: 1n };
        await sleep(2500);
        yield { batchId: 2n };
      })(),
    )) {
      acks.push(BigInt(ack.batchId));
    }
    assert.deepEqual(acks, [1n, 2n]);
    assert.equal(ended, false);
    await eventually(() => door.door.stats().streams === 1);
    stop.abort();
    await watch;
  });
});
