/** What every transport owes a call, through the real gate: its signal fires when the client leaves, in whatever way, and it is counted so. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientRequest, request as http1Request } from 'node:http';
import { type ClientHttp2Session, connect as http2Connect } from 'node:http2';
import { request as https1Request } from 'node:https';
import { connect as netConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { HandlerContext } from '@connectrpc/connect';
import { callSignal } from '../../src/api/calls.ts';
import { AgentError } from '../../src/kernel/errors.ts';
import { adminToken, type Door, openDoor } from '../helpers/door.ts';

const dir = mkdtempSync(join(tmpdir(), 'call-signal-'));
const tls = { certFile: join(dir, 'server.crt'), keyFile: join(dir, 'server.key'), clientCaFile: undefined };

before(() => {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'server.key'];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', 'server.crt', '-days', '2', ...subject], { cwd: dir, stdio: 'pipe' });
});
after(() => rmSync(dir, { recursive: true, force: true }));

/** A door whose two methods wait for their signal, and what became of it. */
interface Waiting extends AsyncDisposable {
  readonly door: Door;
  /** Resolves when a handler has begun. */
  begun(): Promise<void>;
  /** The reasons of the signals that fired. */
  readonly reasons: unknown[];
}

async function waitingDoor(encrypted: boolean): Promise<Waiting> {
  const reasons: unknown[] = [];
  let started = Promise.withResolvers<void>();
  const untilAborted = (context: HandlerContext): Promise<void> =>
    new Promise((resolve) => {
      const signal = callSignal(context);
      signal.addEventListener('abort', () => {
        reasons.push(signal.reason);
        resolve();
      });
      started.resolve();
    });
  const door = await openDoor(encrypted ? { tls } : {}, {
    handlers: {
      async listEvents(_request, context) {
        await untilAborted(context);
        return {};
      },
      async *watchEvents(_request, context) {
        yield {};
        await untilAborted(context);
      },
    },
  });
  return {
    door,
    reasons,
    async begun() {
      await started.promise;
      started = Promise.withResolvers();
    },
    [Symbol.asyncDispose]: () => door[Symbol.asyncDispose](),
  };
}

const rpc = '/sboxagent.v1.EventService';
const auth = { authorization: `Bearer ${adminToken}` };
const envelope = Buffer.alloc(5);
const streamJson = Buffer.concat([Buffer.from([0, 0, 0, 0, 2]), Buffer.from('{}')]);

interface Ask {
  readonly method: string;
  readonly path: string;
  readonly type?: string;
  readonly body?: Buffer;
}

/** One of each protocol and kind. */
const asks: Readonly<Record<string, Ask>> = {
  'gRPC unary': { method: 'POST', path: `${rpc}/ListEvents`, type: 'application/grpc', body: envelope },
  'gRPC stream': { method: 'POST', path: `${rpc}/WatchEvents`, type: 'application/grpc', body: envelope },
  'gRPC-Web unary': { method: 'POST', path: `${rpc}/ListEvents`, type: 'application/grpc-web', body: envelope },
  'gRPC-Web stream': { method: 'POST', path: `${rpc}/WatchEvents`, type: 'application/grpc-web', body: envelope },
  'Connect unary': { method: 'POST', path: `${rpc}/ListEvents`, type: 'application/json', body: Buffer.from('{}') },
  'Connect stream': { method: 'POST', path: `${rpc}/WatchEvents`, type: 'application/connect+json', body: streamJson },
  'REST unary': { method: 'GET', path: '/api/v1/events' },
  'REST stream': { method: 'GET', path: '/api/v1/events:watch' },
};

interface Client {
  /** Sends the request; answers how to leave it alone. */
  send(ask: Ask): { reset(): void };
  /** Says that it goes, and leaves. */
  goAway(): void;
  /** The connection is gone without a word. */
  lose(): void;
}

interface Transport {
  readonly encrypted: boolean;
  open(door: Door): Promise<Client>;
}

function http2Client(session: ClientHttp2Session): Client {
  session.on('error', () => {});
  return {
    send({ method, path, type, body }) {
      const stream = session.request({ ':method': method, ':path': path, ...auth, ...(type && { 'content-type': type }) });
      stream.on('error', () => {});
      stream.resume().end(body);
      return { reset: () => stream.close(8) };
    },
    goAway() {
      session.goaway(0);
      session.destroy();
    },
    lose: () => void (session.destroyed || session.socket.destroy()),
  };
}

function http1Client(begin: (ask: Ask) => ClientRequest): Client {
  const sent: ClientRequest[] = [];
  const leave = (): void => {
    for (const req of sent) req.destroy();
  };
  return {
    send(ask) {
      const req = begin(ask);
      req.on('error', () => {}).on('response', (res) => res.on('error', () => {}).resume());
      req.end(ask.body);
      sent.push(req);
      return { reset: leave };
    },
    goAway: leave,
    lose: leave,
  };
}

const http1Options = ({ method, path, type, body }: Ask) => ({
  ...{ method, path, agent: false as const },
  headers: { ...auth, ...(type && { 'content-type': type }), ...(body && { 'content-length': body.byteLength }) },
});

const transports: Readonly<Record<string, Transport>> = {
  'HTTP/2': { encrypted: false, open: async ({ base }) => http2Client(http2Connect(base)) },
  'HTTP/2 over TLS': { encrypted: true, open: async ({ base }) => http2Client(http2Connect(base, { rejectUnauthorized: false })) },
  'HTTP/2 over the unix socket': {
    encrypted: false,
    open: async ({ socketPath }) => http2Client(http2Connect('http://localhost', { createConnection: () => netConnect(socketPath) })),
  },
  'HTTP/1.1': {
    encrypted: false,
    open: async ({ port }) => http1Client((ask) => http1Request({ host: '127.0.0.1', port, ...http1Options(ask) })),
  },
  'HTTP/1.1 over TLS': {
    encrypted: true,
    open: async ({ port }) =>
      http1Client((ask) => https1Request({ host: '127.0.0.1', port, rejectUnauthorized: false, ...http1Options(ask) })),
  },
  'HTTP/1.1 over the unix socket': {
    encrypted: false,
    open: async ({ socketPath }) => http1Client((ask) => http1Request({ socketPath, ...http1Options(ask) })),
  },
};

const leavings = ['reset', 'goAway', 'lose'] as const;

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition() && tries < 6000; tries += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(condition(), what);
}

for (const [name, transport] of Object.entries(transports)) {
  describe(`Call.signal: ${name}`, () => {
    for (const [kind, ask] of Object.entries(asks)) {
      it(`${kind}: fires on a reset, a goodbye and a lost connection`, async () => {
        await using waiting = await waitingDoor(transport.encrypted);
        const { door, reasons } = waiting;
        for (const [index, leaving] of leavings.entries()) {
          const client = await transport.open(door);
          const sent = client.send(ask);
          await waiting.begun();
          if (leaving === 'reset') sent.reset();
          else client[leaving]();
          await until(`${leaving}: the signal fires`, () => reasons.length > index);
          const reason = reasons[index];
          // Connect's handlers wrap the reason of their own signal.
          const cause = reason instanceof AgentError ? reason : (reason as Error | undefined)?.cause;
          assert.ok(
            reason instanceof AgentError ? reason.code === 'canceled' : reason !== undefined,
            `${leaving}: ${String(cause ?? reason)}`,
          );
          await until(`${leaving}: its place is free`, () => door.door.stats().streams + door.door.stats().unary === 0);
          client.lose();
        }
        assert.deepEqual(
          door.telemetry.ended.map(({ code }) => code),
          leavings.map(() => 'canceled'),
        );
      });
    }

    it('does not fire for a call that is answered to its end', async () => {
      const fired: unknown[] = [];
      const handlers = {
        listEvents: (_request: unknown, context: HandlerContext) => {
          callSignal(context).addEventListener('abort', () => fired.push(context));
          return {};
        },
      };
      await using door = await openDoor(transport.encrypted ? { tls } : {}, { handlers });
      const client = await transport.open(door);
      for (const kind of ['gRPC unary', 'REST unary'] as const) client.send(asks[kind] as Ask);
      await until('both are answered', () => door.telemetry.ended.length === 2);
      client.lose();
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual([fired.length, ...door.telemetry.ended.map(({ code }) => code)], [0, 'ok', 'ok']);
    });
  });
}

describe('Call.signal: what a test may take for a call', () => {
  it('cut and deadline fire it with their reason', async () => {
    await using waiting = await waitingDoor(false);
    const { door, reasons } = waiting;
    const session = http2Connect(door.base);
    const post = { ':method': 'POST', ':path': `${rpc}/ListEvents`, 'content-type': 'application/grpc', ...auth };
    const late = session.request({ ...post, 'grpc-timeout': '50m' });
    let status: unknown;
    late.on('response', (headers) => {
      status = headers['grpc-status'];
    });
    late.resume().end(envelope);
    await once(late, 'close');
    assert.equal(status, '4');
    assert.ok(reasons[0] instanceof AgentError && reasons[0].reason === 'DEADLINE_EXCEEDED');
    await waiting.begun();
    const revoked = session.request({ ...post });
    revoked.resume().end(envelope);
    await waiting.begun();
    door.access.revoke('admin', 'TOKEN_REVOKED');
    await until('the signal fires', () => reasons.length > 1);
    assert.ok(reasons[1] instanceof AgentError && reasons[1].reason === 'TOKEN_REVOKED');
    session.destroy();
  });
});
