/** What fires and is resolved here does so in a real Alertmanager, which tells it on. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { openAlertRoom, type Receiver, receiver, runbooks, webhook } from '../helpers/alert-room.ts';
import { foreign, until } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';

const binary = foreign('prometheus-alertmanager') ?? foreign('alertmanager');
const options = binary === undefined ? { skip: 'there is no Alertmanager on this machine' } : {};
const clock = { ...systemClock, advance() {}, jump() {}, timers: () => 0 };

let dir = '';
let alertmanager: ChildProcess | undefined;
let base = '';
let told: Receiver;
let said = '';

interface AmAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL: string;
}

async function amAlerts(): Promise<readonly AmAlert[]> {
  return (await (await fetch(`${base}/api/v2/alerts`)).json()) as AmAlert[];
}

before(async () => {
  if (binary === undefined) return;
  dir = mkdtempSync(join(tmpdir(), 'sboxagent-alertmanager-'));
  told = await receiver();
  const config = join(dir, 'alertmanager.yml');
  const route = '{receiver: here, group_by: [alertname], group_wait: 100ms, group_interval: 200ms, repeat_interval: 1h}';
  writeFileSync(config, `route: ${route}\nreceivers: [{name: here, webhook_configs: [{url: '${told.url}/on', send_resolved: true}]}]\n`);
  const port = await freePort();
  base = `http://127.0.0.1:${port}`;
  const flags = [`--config.file=${config}`, `--storage.path=${join(dir, 'data')}`, `--web.listen-address=127.0.0.1:${port}`];
  alertmanager = spawn(binary, [...flags, '--cluster.listen-address='], { stdio: ['ignore', 'ignore', 'pipe'] });
  alertmanager.stderr?.on('data', (chunk) => (said = `${said}${chunk}`.slice(-4000)));
  await until('Alertmanager', async () => (await fetch(`${base}/-/ready`)).ok);
});

after(async () => {
  if (alertmanager && alertmanager.exitCode === null) {
    alertmanager.kill('SIGKILL');
    await once(alertmanager, 'exit');
  }
  await told?.[Symbol.asyncDispose]();
  if (dir !== '') rmSync(dir, { recursive: true, force: true });
});

test('an alert fires, is shown with its labels, and is resolved in Alertmanager', options, async () => {
  const settings = { rules: [], webhooks: [webhook(base, { name: 'am', format: 'alertmanager' })], runbooks };
  await using room = await openAlertRoom({ dir, clock, settings, settleMs: 0, agentName: 'edge-1' });
  room.rule.now = [
    {
      subject: 'geo',
      summary: 'the plugin "geo" is ill',
      labels: { plugin: 'geo', 'net.if': 'eth0', note: 'ä\n"' },
      value: 3,
      threshold: 3,
    },
    { subject: 'other', summary: 's' },
  ];
  const shown = await until('the alerts', async () => {
    const alerts = await amAlerts();
    return alerts.length === 2 && alerts;
  });
  const geo = shown.find(({ labels }) => labels['subject'] === 'geo');
  assert.deepEqual(geo?.labels, {
    alertname: 'plugin_unhealthy',
    severity: 'error',
    subject: 'geo',
    agent: 'edge-1',
    plugin: 'geo',
    net_if: 'eth0',
    note: 'ä\n"',
  });
  assert.equal(geo?.annotations['summary'], 'the plugin "geo" is ill');
  assert.equal(geo?.annotations['runbook_url'], `${runbooks}/plugin_unhealthy.md`);
  const view = room.alerts.list().find(({ subject }) => subject === 'geo');
  assert.equal(Date.parse(geo?.startsAt ?? ''), view?.startTimeMs);
  assert.ok(Date.parse(geo?.endsAt ?? '') - Date.now() > 200_000, 'it is believed for minutes');
  assert.ok(geo?.generatorURL.includes(view?.id ?? 'none'));
  assert.equal(room.alerts.health().status, 'HEALTHY');

  room.rule.now = room.rule.now.slice(1);
  await until('only the other one', async () => (await amAlerts()).map(({ labels }) => labels['subject']).join() === 'other');
  const statuses = (): string[] =>
    told.posts.flatMap(({ body }) =>
      (JSON.parse(body) as { alerts: { status: string; labels: Record<string, string> }[] }).alerts.map(
        ({ status, labels }) => `${status} ${labels['subject']}`,
      ),
    );
  await until('Alertmanager tells it on', () => statuses().includes('resolved geo'));
  assert.ok(statuses().includes('firing geo') && statuses().includes('firing other') && !statuses().includes('resolved other'), said);
});
