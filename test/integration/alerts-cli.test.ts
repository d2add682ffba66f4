/** `sboxagent alerts` against an agent over the stubs of the independent stack. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { Server, ServerCredentials, type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, status } from '@grpc/grpc-js';
import { Alert } from '../../gen/ts/sboxagent/v1/alert.ts';
import {
  type AcknowledgeAlertRequest,
  AlertServiceService,
  type ListAlertsRequest,
  ListAlertsResponse,
  type WatchAlertsRequest,
  WatchAlertsResponse,
} from '../../gen/ts/sboxagent/v1/alert_service.ts';
import { runCli } from '../../src/cli/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { cli } from '../helpers/cli-io.ts';
import { eventually } from '../helpers/event-room.ts';
import { refusal } from '../helpers/fake-agent.ts';

const dir = mkdtempSync(join(tmpdir(), 'sboxagent-alerts-'));
const socket = join(dir, 'api.sock');
const alerts = new Map<string, Alert>();
let watching: ServerWritableStream<WatchAlertsRequest, WatchAlertsResponse>[] = [];
let server: Server;

function put(id: string, over: Partial<Alert> = {}): void {
  alerts.set(
    id,
    Alert.fromPartial({
      id,
      rule: 'memory',
      state: 'FIRING',
      severity: 'ERROR',
      subject: `s-${id}`,
      start_time: '2026-01-02T03:04:05Z',
      ...over,
    }),
  );
}
const firing = (): Alert[] => [...alerts.values()].filter(({ state }) => state === 'FIRING');

async function start(): Promise<void> {
  server = new Server();
  server.addService(AlertServiceService, {
    listAlerts: (call: ServerUnaryCall<ListAlertsRequest, ListAlertsResponse>, callback: sendUnaryData<ListAlertsResponse>) => {
      const { filter, page_token } = call.request;
      const all = [...alerts.values()].filter(({ state }) => (filter?.states.length ?? 0) === 0 || filter?.states.includes(state));
      const from = Number(page_token || 0);
      const next = from + 2 < all.length ? String(from + 2) : '';
      callback(null, ListAlertsResponse.fromPartial({ alerts: all.slice(from, from + 2), next_page_token: next }));
    },
    acknowledgeAlert: (call: ServerUnaryCall<AcknowledgeAlertRequest, Alert>, callback: sendUnaryData<Alert>) => {
      const { id, comment } = call.request;
      const known = alerts.get(id);
      if (known === undefined) return callback(refusal(status.NOT_FOUND, `there is no alert "${id}"`, { info: 'ALERT_NOT_FOUND' }));
      put(id, { ...known, acknowledged: { by: 'me', time: '2026-01-02T03:04:06Z', comment } });
      callback(null, alerts.get(id) ?? null);
    },
    watchAlerts: (call: ServerWritableStream<WatchAlertsRequest, WatchAlertsResponse>) => {
      call.write(WatchAlertsResponse.fromPartial({ alerts: firing(), snapshot: true }));
      watching.push(call);
    },
  });
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
  );
}

before(start);
after(() => {
  server.forceShutdown();
  rmSync(dir, { recursive: true, force: true });
});
const at = ['--target', `unix:${socket}`];

test('list reads all pages, as a table and as JSON; --firing leaves out what is over', async () => {
  put('a1');
  put('a2', { state: 'RESOLVED', end_time: '2026-01-02T03:05:05Z', summary: 'evil \u001b[31m' });
  put('a3', { acknowledged: { by: 'ops', comment: 'on it', time: undefined } });
  const { code, out } = await cli(['alerts', 'list', ...at]);
  assert.equal(code, 0);
  assert.match(out, /^ID +STATE +SEVERITY +RULE +SUBJECT +SINCE +UNTIL +SEEN BY +SUMMARY$/m);
  assert.match(out, /^a3 +FIRING +ERROR +memory +s-a3 +2026-01-02T03:04:05\S* +- +ops: on it/m);
  assert.equal(out.includes('\u001b'), false);
  const json = JSON.parse((await cli(['alerts', 'list', '--firing', '-o', 'json', ...at])).out);
  assert.deepEqual(
    json.map(({ id }: Alert) => id),
    ['a1', 'a3'],
  );
});

test('ack prints the alert; an unknown one is refused by the agent', async () => {
  put('a1');
  const acked = await cli(['alerts', 'ack', 'a1', '-m', 'seen it', ...at]);
  assert.equal(acked.code, 0, acked.err);
  assert.match(acked.out, /^a1 .*me: seen it/m);
  const unknown = await cli(['alerts', 'ack', 'nope', ...at]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /there is no alert "nope"/);
  assert.equal((await cli(['alerts', 'ack', ...at])).code, 2);
});

test('watch shows what fires, every change, and after a restart only what changed, ended ones too', async () => {
  alerts.clear();
  put('b1');
  put('b2');
  const out = new PassThrough();
  const err = new PassThrough();
  let printed = '';
  out.on('data', (chunk) => (printed += chunk));
  err.resume();
  const io = {
    stdin: new PassThrough().end(),
    stdout: out,
    stderr: err,
    terminal: false,
    cwd: '/',
    clock: systemClock,
    env: async () => ({}),
  };
  const ended = runCli(['alerts', 'watch', '-o', 'json', ...at], io);
  const told = (): string[] =>
    printed
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Alert)
      .map(({ id, state }) => `${id} ${state}`);
  await eventually(() => told().length === 2 && watching.length === 1);
  put('b3');
  watching[0]?.write(WatchAlertsResponse.fromPartial({ alerts: [alerts.get('b3') as Alert] }));
  await eventually(() => told().length === 3);
  server.forceShutdown();
  rmSync(socket, { force: true });
  watching = [];
  put('b1', { state: 'RESOLVED', end_time: '2026-01-02T03:05:05Z' });
  put('b4');
  await start();
  await eventually(() => told().length === 5);
  assert.deepEqual(told(), ['b1 FIRING', 'b2 FIRING', 'b3 FIRING', 'b1 RESOLVED', 'b4 FIRING']);
  // What the agent refuses for good ends it.
  watching[0]?.emit('error', refusal(status.UNAUTHENTICATED, 'the token was revoked', { info: 'TOKEN_REVOKED' }));
  assert.equal(await ended, 1);
});
