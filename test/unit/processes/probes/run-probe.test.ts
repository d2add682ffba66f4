import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { type ProbeResult, runProbe } from '../../../../src/processes/index.ts';
import type { ProbeAction } from '../../../../src/settings/types.ts';

const look = (action: ProbeAction, timeoutMs = 2000): Promise<ProbeResult> =>
  runProbe(action, {
    timeoutMs,
    signal: new AbortController().signal,
    env: { PATH: '/usr/bin:/bin' },
    cwd: tmpdir(),
    clock: systemClock,
  });
const sh = (script: string): ProbeAction => ({ kind: 'exec', command: ['sh', '-c', script] });

test('exec: exit 0 is a success, what it said last is the message, secrets masked', async () => {
  assert.deepEqual(await look(sh('echo one; echo all well')), { ok: true, message: 'exit code 0: all well' });
  assert.deepEqual(await look(sh('echo "password=hunter2" >&2; exit 3')), { ok: false, message: 'exit code 3: password=***' });
  assert.deepEqual(await look(sh('kill -9 $$')), { ok: false, message: 'ended by SIGKILL' });
  const gone = await look({ kind: 'exec', command: ['/nowhere/at/all'] });
  assert.deepEqual(gone, { ok: false, message: 'the program /nowhere/at/all of the probe is not there' });
});

test('exec: out of time is a failure, and nothing of the group is left', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'probe-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const result = await look(sh(`sleep 60 & echo $! > ${dir}/pid; wait`), 300);
  assert.deepEqual(result, { ok: false, message: 'no answer within 300 ms' });
  const pid = readFileSync(join(dir, 'pid'), 'utf8').trim();
  for (let i = 0; i < 100 && isAlive(pid); i++) await systemClock.sleep(20);
  assert.equal(isAlive(pid), false);
});

function isAlive(pid: string): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

test('http: the status decides, redirects are not followed, silence is out of time', async (t) => {
  const server = createServer((request, response) => {
    if (request.url === '/silent') return;
    response.writeHead(Number(request.url?.slice(1)), { location: '/200' }).end(request.headers['x-probe'] ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close().closeAllConnections());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const http = (path: string, statuses = [{ from: 200, to: 399 }]): ProbeAction => ({
    kind: 'http',
    url: base + path,
    method: 'GET',
    headers: { 'x-probe': 'yes' },
    statuses,
  });
  assert.deepEqual(await look(http('/204')), { ok: true, message: 'status 204' });
  assert.deepEqual(await look(http('/302')), { ok: true, message: 'status 302' });
  assert.deepEqual(await look(http('/302', [{ from: 200, to: 200 }])), { ok: false, message: 'status 302' });
  assert.deepEqual(await look(http('/503')), { ok: false, message: 'status 503' });
  assert.equal((await look(http('/silent'), 200)).message, 'no answer within 200 ms');
});

test('tcp: connects or not', async () => {
  const server = createTcp();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  assert.deepEqual(await look({ kind: 'tcp', host: '127.0.0.1', port }), { ok: true, message: 'connected' });
  await new Promise((resolve) => server.close(resolve));
  const refused = await look({ kind: 'tcp', host: '127.0.0.1', port });
  assert.equal(refused.ok, false);
  assert.match(refused.message, /ECONNREFUSED/);
});

test('grpc: SERVING of the service that was asked for', async (t) => {
  const server = new Server();
  server.addService(
    {
      check: {
        path: '/grpc.health.v1.Health/Check',
        requestStream: false,
        responseStream: false,
        requestSerialize: (value: Buffer) => value,
        requestDeserialize: (value: Buffer) => value,
        responseSerialize: (value: Buffer) => value,
        responseDeserialize: (value: Buffer) => value,
      },
    },
    {
      check: (call: { request: Buffer }, answer: (error: null, value: Buffer) => void) => {
        const service = call.request.subarray(2).toString();
        answer(null, Buffer.from(service === 'quiet' ? [] : [0x08, service === 'ill' ? 2 : 1]));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  t.after(() => server.forceShutdown());
  const grpc = (service: string, on = port): ProbeAction => ({ kind: 'grpc', host: '127.0.0.1', port: on, service });
  assert.deepEqual(await look(grpc('')), { ok: true, message: 'health is SERVING' });
  assert.deepEqual(await look(grpc('ill')), { ok: false, message: 'health is NOT_SERVING' });
  assert.deepEqual(await look(grpc('quiet')), { ok: false, message: 'health is UNKNOWN' });
  assert.equal((await look(grpc('', 1))).ok, false);
});

test('log: the mark that was seen; grpc and http of a server that is silent: out of time', async (t) => {
  let open = 0;
  const silent = createTcp((socket) => {
    open += 1;
    socket
      .on('error', () => undefined)
      .on('close', () => {
        open -= 1;
      });
    socket.resume();
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.after(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  const log = (isMarked: boolean): Promise<ProbeResult> =>
    runProbe(
      { kind: 'log', pattern: 'up' },
      {
        timeoutMs: 200,
        signal: new AbortController().signal,
        env: {},
        cwd: tmpdir(),
        clock: systemClock,
        subject: { engine: undefined, configPath: undefined, isMarked: () => isMarked },
      },
    );
  assert.deepEqual(await log(true), { ok: true, message: 'its line was seen' });
  assert.deepEqual(await log(false), { ok: false, message: 'no line has matched yet' });
  assert.deepEqual(await look({ kind: 'grpc', host: '127.0.0.1', port, service: '' }, 200), {
    ok: false,
    message: 'no answer within 200 ms',
  });
  for (let i = 0; i < 100 && open > 0; i++) await systemClock.sleep(20);
  assert.equal(open, 0, 'no connection is left to a server that is silent');
});
