/** Alerts through the whole daemon: configuration, events, webhook, REST, gRPC, CLI, and a kill -9. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Alert_State } from '../../gen/es/sboxagent/v1/alert_pb.js';
import { AlertService } from '../../gen/es/sboxagent/v1/alert_service_pb.js';
import { type Receiver, receiver } from '../helpers/alert-room.ts';
import { cli } from '../helpers/cli-io.ts';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';

const dir = mkdtempSync(join(tmpdir(), 'sboxagent-alerts-'));
/** Longer than a busy machine takes to start the agent again. */
const windowMs = 15_000;
let daemon: Daemon;
let ops: Receiver;

before(async () => {
  ops = await receiver();
  const secret = join(dir, 'hook.key');
  writeFileSync(secret, 'hush-hush-hush', { mode: 0o600 });
  const rule = {
    name: 'fetch-errors',
    event: { types: ['plugin.error'], sources: ['url_base64'] },
    count: 2,
    window: `${windowMs / 1000}s`,
    severity: 'ERROR',
    summary: 'Fetching fails',
  };
  const metric = { name: 'busy', metric: 'sboxagent_events_last_revision', above: 1_000_000 };
  daemon = await makeDaemon({
    config: {
      alerts: {
        rules: [rule, metric],
        webhooks: [{ name: 'ops', url: ops.url.replace('://', '://user:pass-word@'), secret_file: secret }],
      },
    },
  });
  await daemon.start();
});
after(async () => {
  await daemon?.dispose();
  await ops?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const traceId = '0af7651916cd43dd8448eb211c80319c';
const fail = () => daemon.rest('POST', '/api/v1/events', { type: 'plugin.error', source: 'url_base64', trace_id: traceId });
/** What of the answers is looked at. */
interface Answer {
  readonly alerts?: AlertJson[];
  readonly acknowledged?: { readonly comment: string };
  readonly details?: readonly { readonly reason: string }[];
  readonly events?: readonly Record<string, string>[];
}
async function rest(method: string, path: string, body?: object): Promise<{ status: number; json: Answer }> {
  const { status, json } = await daemon.rest(method, path, body);
  return { status, json: json as Answer };
}
interface AlertJson {
  readonly id: string;
  readonly state: string;
  readonly rule: string;
}
async function list(query = ''): Promise<AlertJson[]> {
  return (await rest('GET', `/api/v1/alerts${query}`)).json.alerts ?? [];
}

test('a rule of the configuration fires, is seen by everyone, outlives a kill -9, and is resolved', async (t) => {
  assert.deepEqual(await list(), []);
  await fail();
  await fail();
  // It goes on failing while everyone looks, however long that takes.
  const failing = setInterval(() => fail().catch(() => {}), 1000);
  t.after(() => clearInterval(failing));
  const [alert] = await until('the alert', async () => {
    const alerts = await list('?filter.states=FIRING');
    return alerts.length > 0 && alerts;
  });
  const id = alert?.id ?? '';
  assert.deepEqual(
    { ...alert, start_time: '', value: 2 },
    {
      id,
      rule: 'fetch-errors',
      state: 'FIRING',
      severity: 'ERROR',
      subject: 'url_base64',
      summary: 'Fetching fails',
      labels: {},
      start_time: '',
      value: 2,
      threshold: 2,
      trace_id: traceId,
    },
  );
  await until('the webhook', () => ops.posts.length > 0);
  const [post] = ops.posts;
  assert.equal(
    post?.headers['x-sboxagent-signature'],
    `sha256=${createHmac('sha256', 'hush-hush-hush')
      .update(post?.body ?? '')
      .digest('hex')}`,
  );
  assert.equal(JSON.parse(post?.body ?? '').agent, 'e2e');

  const acked = await rest('POST', `/api/v1/alerts/${id}:acknowledge`, { comment: 'on it' });
  assert.deepEqual([acked.status, acked.json.acknowledged?.comment], [200, 'on it']);
  const unknown = await rest('POST', '/api/v1/alerts/nope:acknowledge', {});
  assert.deepEqual([unknown.status, unknown.json.details?.[0]?.reason], [404, 'ALERT_NOT_FOUND']);

  const watch = await fetch(`${daemon.base}/api/v1/alerts:watch`, { headers: { authorization: `Bearer ${daemon.token()}` } });
  const { value } = (await watch.body?.getReader().read()) ?? {};
  const frame = Buffer.from(value ?? []).toString();
  assert.ok(frame.includes('event: alerts') && frame.includes('"snapshot":true') && frame.includes(id), frame);

  const client = createClient(AlertService, createGrpcTransport({ baseUrl: daemon.base }));
  const { alerts } = await client.listAlerts(
    { filter: { rules: ['fetch-errors'] } },
    { headers: { authorization: `Bearer ${daemon.token()}` } },
  );
  assert.deepEqual(
    alerts.map((one) => [one.id, one.state, one.acknowledged?.comment]),
    [[id, Alert_State.FIRING, 'on it']],
  );
  const table = await cli(['alerts', 'list', '--target', `127.0.0.1:${daemon.port}`, '--token', daemon.token()]);
  assert.match(table.out, new RegExp(`^${id} +FIRING +ERROR +fetch-errors +url_base64`, 'm'));
  const metrics = await fetch(`${daemon.base}/metrics`, { headers: { authorization: `Bearer ${daemon.token()}` } });
  assert.match(await metrics.text(), /^sboxagent_alerts_firing\{rule="fetch-errors"\} 1$/m);

  await fail();
  await daemon.kill('SIGKILL');
  await daemon.start();
  assert.deepEqual(
    (await list('?filter.states=FIRING')).map((one) => one.id),
    [id],
  );
  clearInterval(failing);
  await until('the end', async () => (await list()).find((one) => one.id === id)?.state === 'RESOLVED');
  const { json } = await rest('GET', '/api/v1/events?filter.types=alert.*&order_by=revision');
  assert.deepEqual(
    json.events?.map(({ type, subject, trace_id }) => [type, subject, trace_id]),
    [
      ['alert.firing', id, traceId],
      ['alert.resolved', id, traceId],
    ],
  );
  await until('the webhook', () => ops.alerts().includes('RESOLVED url_base64'));
  for (const secret of ['hush-hush', 'pass-word']) {
    assert.equal(daemon.log().includes(secret), false);
    assert.equal(JSON.stringify((await daemon.rest('GET', '/api/v1/config')).json).includes(secret), false, secret);
    assert.equal(JSON.stringify((await daemon.rest('GET', '/api/v1/health')).json).includes(secret), false, secret);
  }
});
