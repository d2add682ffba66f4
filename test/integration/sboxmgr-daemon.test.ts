/** The socket and the schedule of sboxmgr in the daemon: events, metrics, live settings, and the step `rerun` of a recovery. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';
import { framedClient } from '../helpers/framed-json.ts';

let daemon: Daemon;
before(async () => {
  daemon = await makeDaemon({
    config: {
      plugins: {
        health_check: { interval: '1s', timeout: '1s', retries: 1 },
        units: {
          ill: {
            command: ['/bin/sleep', '60'],
            autostart: true,
            probes: { readiness: { exec: { command: ['/bin/false'] } } },
            recovery: { steps: ['rerun'], budget: 1, window: '10m', backoff: '100ms' },
          },
        },
      },
      sboxmgr: { schedule: { enabled: true, command: ['/bin/echo', 'exported'], interval: '7d', run_at_start: false } },
    },
  });
  await daemon.start();
});
after(() => daemon.dispose());

async function eventTypes(filter: string): Promise<readonly string[]> {
  const { json } = await daemon.rest('GET', `/api/v1/events?${filter}&order_by=revision`);
  return (json as { events: { type: string }[] }).events.map(({ type }) => type);
}

test('what sboxmgr tells is an event, a metric, and a sign of life of its plugin', async () => {
  const client = await framedClient(join(daemon.dir, 'sboxmgr.sock'));
  const tell = (id: string, type: string, data: object): Promise<unknown> =>
    client.ask({ id, type: 'event', timestamp: 't', event: { event_type: type, source: 'url_base64', data } });
  await tell('1', 'CONFIG_GENERATED', { status: 'started' });
  await tell('2', 'CONFIG_GENERATED', { status: 'completed', duration_ms: 40 });
  await tell('3', 'subscription.fetched', { password: 'hunter2' });
  const status = await client.ask({ id: '4', type: 'command', command: { command: 'status' } });
  assert.equal(status.response?.data?.['name'], 'e2e');
  client.close();
  assert.deepEqual(await eventTypes('filter.sources=url_base64'), ['config.generated', 'config.generated', 'subscription.fetched']);
  assert.doesNotMatch(JSON.stringify((await daemon.rest('GET', '/api/v1/events?filter.sources=url_base64')).json), /hunter2/);
  const metrics = await (await fetch(`${daemon.base}/metrics`, { headers: { authorization: `Bearer ${daemon.token()}` } })).text();
  assert.match(metrics, /^sboxagent_business_configs_generated_total 1$/m);
  assert.match(metrics, /^sboxagent_business_subscriptions_processed_total 1$/m);
  assert.match(metrics, /^sboxagent_business_processing_seconds_count 1$/m);
  assert.equal((await daemon.rest('GET', '/api/v1/plugins/url_base64')).status, 200);
});

test('a recovery may run the schedule', async () => {
  await until('the run', async () => (await eventTypes('filter.types=schedule.finished')).length === 1);
  const messages = await until('its line', async () => {
    const { json } = await daemon.rest('GET', '/api/v1/logs?filter.sources=sboxmgr');
    const { entries } = json as { entries: { message: string }[] };
    return entries.length > 0 && entries.map(({ message }) => message);
  });
  assert.deepEqual(messages, ['exported']);
});

test('the schedule follows a change of the configuration', async () => {
  const config = JSON.parse(readFileSync(daemon.configPath, 'utf8'));
  config.sboxmgr.schedule = { enabled: true, command: ['/bin/sh', '-c', 'exit 3'], interval: '7d', run_at_start: true };
  writeFileSync(daemon.configPath, JSON.stringify(config), { mode: 0o600 });
  await daemon.rest('POST', '/api/v1/config/reload', {});
  await until('the failed run', async () => (await eventTypes('filter.types=schedule.failed')).length === 1);
});

test('a cron line that nobody can follow is refused with its key, and the old schedule goes on', async () => {
  const config = JSON.parse(readFileSync(daemon.configPath, 'utf8'));
  config.sboxmgr.schedule = { enabled: true, command: ['/bin/true'], cron: '61 * * * *' };
  writeFileSync(daemon.configPath, JSON.stringify(config), { mode: 0o600 });
  const answer = await daemon.rest('POST', '/api/v1/config/reload', {});
  assert.equal(answer.status, 400);
  assert.match(JSON.stringify(answer.json), /sboxmgr\.schedule\.cron.*61 \* \* \* \*/);
});

test('its end removes the socket', async () => {
  await daemon.kill('SIGTERM');
  assert.equal(existsSync(join(daemon.dir, 'sboxmgr.sock')), false);
});
