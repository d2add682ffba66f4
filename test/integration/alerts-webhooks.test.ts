/** Webhooks against real HTTP servers; time alone is bent. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import type { AlertView } from '../../src/alerts/index.ts';
import { createNotifier, type Notifier } from '../../src/alerts/notifier.ts';
import { delayMs } from '../../src/alerts/webhook.ts';
import type { WebhookSettings } from '../../src/settings/types.ts';
import type { Logger } from '../../src/telemetry/types.ts';
import { type FakeClock, fakeClock, openAlertRoom, pass, passing, receiver, runbooks, webhook } from '../helpers/alert-room.ts';
import { metricsFake, scratch, silentLogger } from '../helpers/event-room.ts';

let made = 0;
function view(over: Partial<AlertView> = {}): AlertView {
  made += 1;
  return {
    id: `01JD${String(made).padStart(22, '0')}`,
    rule: 'memory',
    state: 'FIRING',
    severity: 'WARNING',
    subject: `s${made}`,
    summary: 'too much',
    labels: { process: 'edge' },
    startTimeMs: Date.UTC(2026, 0, 1),
    endTimeMs: undefined,
    acknowledged: undefined,
    value: 5,
    threshold: 3,
    traceId: '',
    ...over,
  };
}
const resolved = (of: AlertView): AlertView => ({ ...of, state: 'RESOLVED', endTimeMs: of.startTimeMs + 1000 });

interface Rig {
  readonly notifier: Notifier;
  readonly clock: FakeClock;
  readonly value: (key: string) => number;
  readonly settled: string[];
  readonly lines: string[];
  firing: AlertView[];
  [Symbol.asyncDispose](): Promise<void>;
}

function rig(settings: readonly WebhookSettings[], clock = fakeClock()): Rig {
  const { metrics, value } = metricsFake();
  const settled: string[] = [];
  const lines: string[] = [];
  const log = (fields: object, message: string): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { ...silentLogger, debug: log, info: log, warn: log, error: log };
  const notifier = createNotifier({
    ...{ agentName: 'here', clock, logger, metrics, fetch, random: () => 0 },
    runbookOf: (rule) => `${runbooks}/${rule}.md`,
    firing: () => it.firing,
    settled: (name, ids) => void settled.push(...ids.map((id) => `${name} ${id}`)),
  });
  const it: Rig = { notifier, clock, value, settled, lines, firing: [], [Symbol.asyncDispose]: () => notifier.stop() };
  notifier.replace(settings);
  return it;
}
const count = (of: Rig, result: string, name = 'ops'): number => of.value(`sboxagent_alert_notifications_total{${name},${result}}`);

test('what changes within a second goes in one POST, signed, in the form that is documented', async () => {
  const clock = fakeClock();
  await using ops = await receiver({ clock });
  await using at = rig([webhook(`${ops.url}/hook?a=1`, { secret: 'hush' })], clock);
  const one = view();
  at.notifier.changed([one]);
  await pass(clock, 500);
  at.notifier.changed([view({ traceId: '0af7651916cd43dd8448eb211c80319c', acknowledged: { by: 'me', timeMs: 0, comment: 'c' } })]);
  await passing(clock, () => ops.posts.length > 0);
  await pass(clock, 3000);
  assert.equal(ops.posts.length, 1);
  const [post] = ops.posts;
  assert.equal(post?.path, '/hook?a=1');
  assert.equal(post?.headers['content-type'], 'application/json');
  assert.equal(
    post?.headers['x-sboxagent-signature'],
    `sha256=${createHmac('sha256', 'hush')
      .update(post?.body ?? '')
      .digest('hex')}`,
  );
  const body = JSON.parse(post?.body ?? '');
  assert.deepEqual([body.version, body.agent, body.alerts.length], ['1', 'here', 2]);
  assert.deepEqual(body.alerts[0], {
    id: one.id,
    rule: 'memory',
    state: 'FIRING',
    severity: 'WARNING',
    subject: one.subject,
    summary: 'too much',
    runbook_url: 'https://example.org/runbooks/memory.md',
    labels: { process: 'edge' },
    start_time: '2026-01-01T00:00:00.000Z',
    end_time: null,
    value: 5,
    threshold: 3,
    trace_id: '',
    acknowledged: null,
  });
  assert.deepEqual(body.alerts[1].acknowledged, { by: 'me', time: '1970-01-01T00:00:00.000Z', comment: 'c' });
  assert.equal(count(at, 'delivered'), 2);
});

test('what fails is tried again after 1, 2, 4 s …, with the newest word; then all is well again', async () => {
  const clock = fakeClock();
  await using ops = await receiver({ clock });
  ops.answer = (response, n) => {
    response.statusCode = n <= 4 ? ([500, 408, 429, 503][n - 1] ?? 500) : 204;
    response.end();
  };
  await using at = rig([webhook(ops.url)], clock);
  const one = view();
  at.notifier.changed([one]);
  await passing(clock, () => ops.posts.length === 2);
  assert.match(at.notifier.health().message, /webhook "ops": it answered 408/);
  assert.equal(at.notifier.health().status, 'DEGRADED');
  at.notifier.changed([resolved(one)]);
  await passing(clock, () => count(at, 'delivered') === 1);
  const gaps = ops.posts.slice(1).map(({ atMs }, i) => Math.round((atMs - (ops.posts[i]?.atMs ?? 0)) / 1000));
  assert.deepEqual(gaps, [1, 2, 4, 8]);
  assert.deepEqual(
    ops.alerts().map((text) => text.split(' ')[0]),
    ['FIRING', 'FIRING', 'RESOLVED', 'RESOLVED', 'RESOLVED'],
  );
  assert.deepEqual(at.settled, [`ops ${one.id}`]);
  assert.equal(at.notifier.health().status, 'HEALTHY');
  assert.deepEqual(
    [1, 5, 7, 8, 100].map((n) => delayMs(n, () => 0)),
    [1000, 16_000, 60_000, 60_000, 60_000],
  );
  assert.equal(
    delayMs(1, () => 1),
    1200,
  );
});

test('Retry-After is honoured, in seconds and as a date', async () => {
  const clock = fakeClock();
  await using ops = await receiver({ clock });
  ops.answer = (response, n) => {
    if (n === 1) response.setHeader('retry-after', '30');
    if (n === 2) response.setHeader('retry-after', new Date(Math.ceil(clock.wallMs() / 1000) * 1000 + 20_000).toUTCString());
    response.statusCode = n <= 2 ? 503 : 200;
    response.end();
  };
  await using at = rig([webhook(ops.url)], clock);
  at.notifier.changed([view()]);
  await passing(clock, () => count(at, 'delivered') === 1, { stepMs: 250 });
  const [a = 0, b = 0, c = 0] = ops.posts.map(({ atMs }) => atMs);
  assert.ok(b - a >= 30_000 && b - a < 32_000, String(b - a));
  assert.ok(c - b >= 19_000 && c - b < 23_000, String(c - b));
});

test('a refusal is final: not tried again, counted, and told in health until something is taken', async () => {
  for (const [status, location] of [[400], [404], [302, 'http://127.0.0.1:9/']] as const) {
    const clock = fakeClock();
    await using ops = await receiver({ clock });
    await using elsewhere = await receiver({ clock });
    ops.answer = (response, n) => {
      response.statusCode = n === 1 ? status : 200;
      if (location) response.setHeader('location', elsewhere.url);
      response.end();
    };
    await using at = rig([webhook(ops.url)], clock);
    const gone = resolved(view());
    at.notifier.changed([gone]);
    await passing(clock, () => count(at, 'failed') === 1);
    await pass(clock, 10_000);
    assert.equal(ops.posts.length, 1);
    assert.equal(elsewhere.posts.length, 0, 'redirects are not followed');
    assert.deepEqual(at.settled, [`ops ${gone.id}`]);
    assert.match(at.notifier.health().message, new RegExp(`it answered ${status}`));
    at.notifier.changed([view()]);
    await passing(clock, () => count(at, 'delivered') === 1);
    assert.equal(at.notifier.health().status, 'HEALTHY');
  }
});

test('dead and silent receivers cost nobody else anything; secrets are told nowhere', async () => {
  const clock = fakeClock();
  const closed = await receiver();
  await closed[Symbol.asyncDispose]();
  await using silent = await receiver({ clock });
  silent.answer = () => {};
  await using good = await receiver({ clock });
  const withUser = (url: string): string => url.replace('://', '://user:p%40ss@');
  await using at = rig(
    [
      webhook(withUser(closed.url), { name: 'dead', secret: 'hush' }),
      webhook(silent.url, { name: 'silent', timeoutMs: 5000 }),
      webhook('http://user:p%40ss@[', { name: 'nonsense' }),
      webhook(withUser(good.url), { name: 'good' }),
    ],
    clock,
  );
  for (let n = 0; n < 5; n++) {
    at.notifier.changed([view()]);
    await passing(clock, () => good.alerts().length === n + 1, { mostMs: 3000 });
  }
  await passing(clock, () => at.notifier.health().message.includes('"silent"'), { mostMs: 10_000 });
  const { message } = at.notifier.health();
  assert.match(message, /webhook "dead": it cannot be reached \(ECONNREFUSED\)/);
  assert.match(message, /webhook "silent": no answer within 5000 ms/);
  assert.match(message, /webhook "nonsense": its address is not valid/);
  assert.equal(message.includes('"good"'), false);
  assert.equal(good.posts[0]?.headers.authorization, `Basic ${Buffer.from('user:p@ss').toString('base64')}`);
  const said = message + at.lines.join('\n');
  for (const secret of ['p%40ss', 'p@ss', 'user', 'hush', closed.url.slice(-5)]) assert.equal(said.includes(secret), false, secret);
  assert.equal(at.lines.length, 3, 'one line a webhook, however often it fails');
});

test('a queue has 1000 places: the oldest resolved one leaves first, then the oldest; it is counted', async () => {
  const clock = fakeClock();
  await using ops = await receiver({ clock });
  await using at = rig([webhook(ops.url)], clock);
  const first = view();
  const ended = resolved(view());
  at.notifier.changed([first, ended]);
  for (let n = 0; n < 998; n++) at.notifier.changed([view()]);
  at.notifier.changed([view()]);
  assert.deepEqual([count(at, 'dropped'), at.settled], [1, [`ops ${ended.id}`]]);
  at.notifier.changed([view()]);
  assert.equal(count(at, 'dropped'), 2);
  await passing(clock, () => count(at, 'delivered') === 1000);
  assert.equal(ops.posts.length, 10);
  assert.equal(ops.alerts().includes(`FIRING ${first.subject}`), false);
});

test('min_severity; a webhook that comes by a change of the settings hears of what fires; one that goes is left alone', async () => {
  const clock = fakeClock();
  await using a = await receiver({ clock });
  await using b = await receiver({ clock });
  await using at = rig([webhook(a.url, { name: 'a', minSeverity: 'ERROR' })], clock);
  const loud = view({ severity: 'CRITICAL' });
  at.firing = [loud, view({ severity: 'INFO' })];
  at.notifier.changed(at.firing);
  assert.deepEqual([at.notifier.wantedBy(loud), at.notifier.wantedBy(view())], [['a'], []]);
  await passing(clock, () => a.posts.length === 1);
  at.notifier.replace([webhook(b.url, { name: 'b' })]);
  at.notifier.changed([resolved(loud)]);
  await passing(clock, () => b.posts.length === 1);
  await pass(clock, 2000);
  assert.deepEqual([a.alerts(), b.alerts()], [[`FIRING ${loud.subject}`], [`RESOLVED ${loud.subject}`, `FIRING ${at.firing[1]?.subject}`]]);
});

test('a webhook whose address is corrected is told what the wrong one never took', async () => {
  const clock = fakeClock();
  await using right = await receiver({ clock });
  await using at = rig([webhook('http://127.0.0.1:9/')], clock);
  const [ended, still] = [resolved(view()), view()];
  at.firing = [still];
  at.notifier.changed([ended, still]);
  await passing(clock, () => at.notifier.health().status === 'DEGRADED');
  at.notifier.replace([webhook(right.url)]);
  assert.equal(at.notifier.health().status, 'HEALTHY');
  await passing(clock, () => count(at, 'delivered') === 2);
  assert.deepEqual(right.alerts(), [`RESOLVED ${ended.subject}`, `FIRING ${still.subject}`]);
});

test('the alertmanager format: labels, times, and firing ones sent again before they are forgotten', async () => {
  const clock = fakeClock();
  await using am = await receiver({ clock });
  await using at = rig([webhook(`${am.url}/prefix/`, { name: 'am', format: 'alertmanager' })], clock);
  const one = view({ labels: { process: 'edge', 'net.if': 'eth0', empty: '', alertname: 'mine' } });
  at.firing = [one];
  at.notifier.changed([one]);
  await passing(clock, () => am.posts.length === 3, { stepMs: 500 });
  assert.equal(am.posts[0]?.path, '/prefix/api/v2/alerts');
  const [alert] = JSON.parse(am.posts[0]?.body ?? '');
  assert.deepEqual(alert.labels, {
    process: 'edge',
    net_if: 'eth0',
    agent: 'here',
    alertname: 'memory',
    severity: 'warning',
    subject: one.subject,
  });
  assert.equal(alert.annotations.summary, 'too much');
  assert.equal(alert.annotations.runbook_url, 'https://example.org/runbooks/memory.md');
  assert.equal(alert.startsAt, '2026-01-01T00:00:00.000Z');
  assert.ok(Math.abs(Date.parse(alert.endsAt) - clock.wallMs() - 240_000) < 130_000);
  const [, b = 0, c = 0] = am.posts.map(({ atMs }) => atMs);
  assert.ok(Math.abs(c - b - 60_000) < 1500, String(c - b));
  at.firing = [];
  at.notifier.changed([resolved(one)]);
  await passing(clock, () => am.posts.length === 4);
  await pass(clock, 130_000, 1000);
  assert.equal(am.posts.length, 4, 'what is resolved is told once');
  assert.equal(JSON.parse(am.posts[3]?.body ?? '')[0].endsAt, '2026-01-01T00:00:01.000Z');
});

test('after a restart firing alerts are sent again, and the end of those that could not be told; what was told is not', async () => {
  using at = scratch();
  const clock = fakeClock();
  await using ops = await receiver({ clock });
  const settings = { rules: [], webhooks: [webhook(ops.url)], runbooks };
  let up = true;
  ops.answer = (response) => {
    response.statusCode = up ? 200 : 503;
    response.end();
  };
  {
    await using room = await openAlertRoom({ dir: at.dir, clock, settings, settleMs: 0 });
    room.rule.now = ['told', 'owed', 'firing'].map((subject) => ({ subject, summary: 's' }));
    await passing(clock, () => ops.alerts().length === 3);
    room.rule.now = room.rule.now.slice(1);
    await passing(clock, () => ops.alerts().includes('RESOLVED told'));
    await passing(clock, () => room.value('sboxagent_alert_notifications_total{ops,delivered}') === 4);
    up = false;
    room.rule.now = room.rule.now.slice(1);
    await passing(clock, () => ops.alerts().includes('RESOLVED owed'));
  }
  ops.posts.length = 0;
  up = true;
  {
    await using room = await openAlertRoom({ dir: at.dir, clock, settings, begin: false });
    room.rule.now = [{ subject: 'firing', summary: 's' }];
    room.alerts.start();
    await passing(clock, () => ops.alerts().length >= 2);
    await pass(clock, 3000);
    assert.deepEqual(ops.alerts().toSorted(), ['FIRING firing', 'RESOLVED owed']);
  }
  ops.posts.length = 0;
  await using room = await openAlertRoom({ dir: at.dir, clock, settings, begin: false });
  room.rule.now = [{ subject: 'firing', summary: 's' }];
  room.alerts.start();
  await passing(clock, () => ops.alerts().length >= 1);
  await pass(clock, 3000);
  assert.deepEqual(ops.alerts(), ['FIRING firing']);
});
