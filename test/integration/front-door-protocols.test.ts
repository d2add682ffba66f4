import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import http from 'node:http';
import http2 from 'node:http2';
import { describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { ErrorInfoSchema } from '../../gen/es/google/rpc/error_details_pb.js';
import { CreateEventRequestSchema, EventService } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import { adminToken, type Door, openDoor, readToken } from '../helpers/door.ts';

const bearer =
  (token: string | undefined): Interceptor =>
  (next) =>
  (req) => {
    if (token !== undefined) req.header.set('authorization', `Bearer ${token}`);
    return next(req);
  };

function clients(door: Door, token: string | undefined) {
  const common = { baseUrl: door.base, interceptors: [bearer(token)] };
  return {
    grpc: createClient(EventService, createGrpcTransport(common)),
    web1: createClient(EventService, createGrpcWebTransport({ ...common, httpVersion: '1.1' })),
    web2: createClient(EventService, createGrpcWebTransport({ ...common, httpVersion: '2' })),
    connect1: createClient(EventService, createConnectTransport({ ...common, httpVersion: '1.1' })),
    connect2: createClient(EventService, createConnectTransport({ ...common, httpVersion: '2', useBinaryFormat: false })),
    connectGet: createClient(EventService, createConnectTransport({ ...common, httpVersion: '1.1', useHttpGet: true })),
  };
}

async function failure(call: () => Promise<unknown>): Promise<{ code: string; reason: string | undefined; message: string }> {
  try {
    await call();
  } catch (error) {
    const it = ConnectError.from(error);
    return { code: Code[it.code] ?? '', reason: it.findDetails(ErrorInfoSchema)[0]?.reason, message: it.rawMessage };
  }
  return { code: 'ok', reason: undefined, message: '' };
}

const first = async <T>(stream: AsyncIterable<T>): Promise<T | undefined> => {
  for await (const message of stream) return message;
  return undefined;
};

describe('front door: one port, every protocol', () => {
  it('serves unary calls and streams', async () => {
    await using door = await openDoor();
    for (const [name, client] of Object.entries(clients(door, adminToken))) {
      assert.deepEqual((await client.createEvent({ event: { type: 'a.b' } })).type, 'a.b', name);
      assert.equal((await first(client.watchEvents({})))?.progress?.revision, 1n, name);
    }
    assert.ok(door.telemetry.ended.some((call) => call.code === 'ok'));
  });

  it('refuses with code and reason in every protocol', async () => {
    await using door = await openDoor();
    const cases = [
      { token: undefined, code: 'Unauthenticated', reason: 'TOKEN_MISSING' },
      { token: 'x'.repeat(40), code: 'Unauthenticated', reason: 'TOKEN_INVALID' },
      { token: readToken, code: 'PermissionDenied', reason: 'SCOPE_MISSING' },
    ];
    for (const { token, code, reason } of cases) {
      for (const [name, client] of Object.entries(clients(door, token))) {
        const unary = await failure(() => client.createEvent({ event: { type: 'a'.repeat(3000) } }));
        assert.deepEqual([unary.code, unary.reason], [code, reason], name);
        const stream = token === readToken ? undefined : await failure(() => first(client.watchEvents({})));
        if (stream !== undefined) assert.deepEqual([stream.code, stream.reason], [code, reason], `${name} stream`);
      }
    }
    assert.equal(door.telemetry.counts.get('sboxagent_auth_denied_total token_missing'), 12);
  });

  it('gives ErrorInfo to errors of services and of Connect itself, and hides what is unknown', async () => {
    await using door = await openDoor();
    for (const [name, client] of Object.entries(clients(door, adminToken))) {
      const broken = await failure(() => client.listEvents({ pageToken: 'broken' }));
      assert.deepEqual([broken.code, broken.reason], ['Internal', 'INTERNAL'], name);
      assert.doesNotMatch(broken.message, /secret/, name);
      const large = await failure(() => client.createEvent({ event: { type: 'x'.repeat(40_000) } }));
      assert.deepEqual([large.code, large.reason], ['ResourceExhausted', 'MESSAGE_TOO_LARGE'], name);
      const get = await failure(() => client.getEvent({ id: 'x' }));
      assert.deepEqual([get.code, get.reason], ['Unimplemented', 'RPC_UNIMPLEMENTED'], name);
    }
  });

  it('amends what Connect refuses before any interceptor', async () => {
    await using door = await openDoor();
    const post = (type: string, body: string | Uint8Array<ArrayBuffer>) =>
      fetch(`${door.base}/sboxagent.v1.EventService/CreateEvent`, {
        method: 'POST',
        headers: { 'content-type': type, authorization: `Bearer ${adminToken}` },
        body,
      });
    const json = await post('application/json', '{"event":');
    assert.equal(json.status, 400);
    const body = (await json.json()) as { code: string; details: { type: string }[] };
    assert.deepEqual([body.code, body.details[0]?.type], ['invalid_argument', 'google.rpc.ErrorInfo']);
    const proto = await post('application/proto', new Uint8Array([255, 255, 255]));
    assert.equal(proto.status, 400);
    const web = await post('application/grpc-web+proto', new Uint8Array([0, 0, 0, 0, 3, 255, 255, 255]));
    assert.match(await web.text(), /grpc-status: 3[\s\S]*grpc-status-details-bin/);
    assert.equal((await post('text/plain', 'x')).status, 415);
  });

  it('serves the text form of gRPC-Web', async () => {
    await using door = await openDoor();
    const post = async (
      method: string,
      text: string,
      token = adminToken,
    ): Promise<{ type: string | null; headers: Headers; text: string }> => {
      const headers = { 'content-type': 'application/grpc-web-text', authorization: `Bearer ${token}` };
      const res = await fetch(`${door.base}/sboxagent.v1.EventService/${method}`, { method: 'POST', headers, body: text });
      const parts = (await res.text()).split(/(?<==)(?=[^=])/);
      return {
        type: res.headers.get('content-type'),
        headers: res.headers,
        text: Buffer.concat(parts.map((part) => Buffer.from(part, 'base64'))).toString('latin1'),
      };
    };
    const request = toBinary(CreateEventRequestSchema, create(CreateEventRequestSchema, { event: { type: 'a.text' } }));
    const frame = Buffer.from([0, 0, 0, 0, request.byteLength, ...request]);
    const answer = await post('CreateEvent', frame.toString('base64'));
    assert.equal(answer.type, 'application/grpc-web-text+proto');
    assert.match(answer.text, /a\.text[\s\S]*grpc-status: 0/);
    // Padding between parts: what encodes each of its writes by itself.
    const parts = [frame.subarray(0, 5), frame.subarray(5)].map((part) => part.toString('base64')).join('');
    assert.match((await post('CreateEvent', parts)).text, /grpc-status: 0/);
    for (const broken of ['AAAAAAA', 'AAAA!AA=', 'A=AAAAA='])
      assert.match((await post('CreateEvent', broken)).text, /grpc-status: 3/, broken);
    const large = Buffer.concat([Buffer.from([0, 0, 0, 0x80, 0]), Buffer.alloc(32 * 1024)]).toString('base64');
    assert.match((await post('CreateEvent', large)).text, /grpc-status: 3/, 'a message of the limit is read, and is none');
    assert.equal((await post('CreateEvent', `${large}AAAA`)).headers.get('grpc-status'), '8');
    const denied = await post('CreateEvent', 'AAAAAAA=', 'nobody');
    assert.deepEqual([denied.type, denied.headers.get('grpc-status')], ['application/grpc-web-text+proto', '16']);
  });

  it('calls a compression that nobody named the fault of the caller, though its code is INTERNAL', async () => {
    await using door = await openDoor();
    const before = door.telemetry.lines.length;
    for (const type of ['application/grpc-web+proto', 'application/grpc-web+json']) {
      const headers = { 'content-type': type, authorization: `Bearer ${adminToken}` };
      const body = new Uint8Array([1, 0, 0, 0, 0]);
      const res = await fetch(`${door.base}/sboxagent.v1.EventService/CreateEvent`, { method: 'POST', headers, body });
      assert.match(await res.text(), /grpc-status: 13/, type);
    }
    const grpc = await new Promise<string>((resolve, reject) => {
      const session = http2.connect(door.base);
      const headers = { ':method': 'POST', ':path': '/sboxagent.v1.EventService/CreateEvent', 'content-type': 'application/grpc' };
      const stream = session.request({ ...headers, authorization: `Bearer ${adminToken}`, te: 'trailers' });
      stream.once('response', (head) => resolve(`${String(head['grpc-status'])} ${String(head['grpc-message'])}`)).once('error', reject);
      stream.once('close', () => session.close()).end(Buffer.from([1, 0, 0, 0, 0]));
      stream.resume();
    });
    assert.equal(grpc, '13 protocol error: a compressed message without grpc-encoding');
    assert.deepEqual(
      door.telemetry.lines.slice(before).filter(({ level }) => level === 'error'),
      [],
    );
  });

  it('serves the unix socket without a token, whatever the authority', async () => {
    await using door = await openDoor();
    assert.equal((await stat(door.socketPath)).mode & 0o777, 0o660);
    const options = { socketPath: door.socketPath, path: '/api/v1/events', headers: { host: '%2Ftmp%2Fa b' } };
    const body = await new Promise<string>((resolve, reject) => {
      http.get(options, (res) => res.setEncoding('utf8').once('data', resolve)).once('error', reject);
    });
    assert.match(body, /"principal unix"/);
  });

  it('refuses the second holder of a port in one line that names the first', async () => {
    await using door = await openDoor();
    await assert.rejects(
      openDoor({ port: door.port }),
      new RegExp(`RefusedError: api.port: 127.0.0.1:${door.port} is in use by .*pid ${process.pid}`),
    );
  });
});
