import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';
import { call, plugin, register, session, told, untilState } from '../helpers/plugin-client.ts';

const types = (events: readonly { readonly type: string }[]): string[] => events.map(({ type }) => type);

describe('plugins of the outside', () => {
  let daemon: Daemon;
  before(async () => {
    daemon = await makeDaemon({
      config: {
        plugins: {
          health_check: { interval: '400ms', timeout: '500ms', retries: 3 },
          event_collection: { flush_interval: '200ms' },
          limits: { plugins: 12, labels: 3 },
        },
      },
    });
    await daemon.start();
  });
  after(() => daemon.dispose());

  it('a lease that ends is one transition, and the next registration heals it', async () => {
    const lease = { kind: 'REMOTE', version: '1.2', labels: { zone: 'a' } };
    const first = await register(daemon, { id: 'leased', ...lease }, { lease: '4s' });
    const seen = await plugin(daemon, 'leased');
    assert.deepEqual([seen.kind, seen.state, seen.version, seen.labels], ['REMOTE', 'ACTIVE', '1.2', { zone: 'a' }]);
    assert.ok(Date.parse(seen.lease_expire_time) > Date.now());
    await untilState(daemon, 'leased', 'UNHEALTHY');
    assert.equal((await plugin(daemon, 'leased')).reason, 'LEASE_EXPIRED');
    const late = await first.renew();
    assert.equal(late.status, 400);
    assert.match(JSON.stringify(late.json), /register again/);
    await register(daemon, { id: 'leased', ...lease }, { lease: '60s' });
    assert.equal((await plugin(daemon, 'leased')).state, 'ACTIVE');
    const story = await told(daemon, 'plugin.*', 'leased');
    assert.deepEqual(types(story), ['plugin.registered', 'plugin.unhealthy', 'plugin.recovered']);
    assert.equal(story[1]?.trace, story[2]?.trace);
    assert.match(story[1]?.trace ?? '', /^[0-9a-f]{32}$/);
  });

  it('one that ends its session is STOPPED without an alert, over the end of its lease and a restart, until it registers again', async () => {
    const one = await register(daemon, { id: 'leaver', kind: 'REMOTE' }, { lease: '4s' });
    const ids = { plugin_id: 'leaver', session_id: one.sessionId };
    assert.equal((await session(daemon, 'EndPluginSession', { ...ids, session_id: 'of somebody else' })).status, 400);
    assert.equal((await plugin(daemon, 'leaver')).state, 'ACTIVE');
    await one.report('UNHEALTHY', 'on its last legs');
    const ended = await session(daemon, 'EndPluginSession', ids);
    assert.deepEqual([ended.status, ended.json.state, ended.json.reason, ended.json.leaseExpireTime], [200, 'STOPPED', 'ENDED', undefined]);
    assert.equal((await one.renew()).status, 400);
    await sleep(4500);
    assert.equal((await plugin(daemon, 'leaver')).state, 'STOPPED');
    await daemon.kill('SIGKILL');
    await daemon.start();
    assert.equal((await plugin(daemon, 'leaver')).state, 'STOPPED');
    // A rule may have seen the report before the end; nothing fires of a plugin that left.
    await until('no alert that fires', async () => {
      const { json } = await call(daemon, 'GET', '/api/v1/alerts?filter.states=FIRING&filter.subjects=leaver');
      return json.alerts.length === 0;
    });
    await register(daemon, { id: 'leaver', kind: 'REMOTE' }, { lease: '60s' });
    assert.equal((await plugin(daemon, 'leaver')).state, 'ACTIVE');
    const story = types(await told(daemon, 'plugin.*', 'leaver'));
    assert.deepEqual(story, ['plugin.registered', 'plugin.unhealthy', 'plugin.ended']);
    await call(daemon, 'DELETE', '/api/v1/plugins/leaver');
  });

  it('a library plugin that ends its session with each run is still expected for the next', async () => {
    const one = await register(daemon, { id: 'runs', kind: 'LIBRARY', cadence: '0.5s' });
    const ended = await session(daemon, 'EndPluginSession', { plugin_id: 'runs', session_id: one.sessionId });
    assert.equal(ended.json.state, 'STOPPED');
    await untilState(daemon, 'runs', 'DEGRADED');
    assert.equal((await plugin(daemon, 'runs')).reason, 'MISSED_RUN');
    await call(daemon, 'DELETE', '/api/v1/plugins/runs');
  });

  it('reports: its own word stands at once, and a session of before is nobody', async () => {
    const old = await register(daemon, { id: 'reporter' }, { lease: '60s' });
    const present = await register(daemon, { id: 'reporter' }, { lease: '60s' });
    assert.equal((await old.report('HEALTHY')).status, 400);
    const secrets = { status: 'DEGRADED', message: 'no answer of https://me:hunter2@example.org', data: { password: 'hunter2', n: 1 } };
    const ids = { plugin_id: 'reporter', session_id: present.sessionId };
    const masked = (await session(daemon, 'ReportPluginHealth', { ...ids, ...secrets })).json;
    assert.deepEqual([masked.message, masked.health.data], ['no answer of https://***@example.org', { password: '***', n: 1 }]);
    const { json } = await present.report('DEGRADED', 'half of the servers are away');
    assert.deepEqual([json.state, json.reason, json.message], ['DEGRADED', 'REPORTED', 'half of the servers are away']);
    assert.equal((await present.report('UNHEALTHY', 'all of them')).json.state, 'UNHEALTHY');
    assert.equal((await present.report('HEALTHY')).json.state, 'ACTIVE');
    const story = await until('the last of it', async () => {
      const events = types(await told(daemon, 'plugin.*', 'reporter'));
      return events.length >= 4 ? events : undefined;
    });
    assert.deepEqual(story, ['plugin.registered', 'plugin.degraded', 'plugin.unhealthy', 'plugin.recovered']);
  });

  it('an acknowledged report outlives a kill of the agent, as its session does', async () => {
    const one = await register(daemon, { id: 'survivor' }, { lease: '60s' });
    await one.report('DEGRADED', 'half of the servers are away');
    await daemon.kill('SIGKILL');
    await daemon.start();
    const { state, message } = await plugin(daemon, 'survivor');
    assert.deepEqual([state, message], ['DEGRADED', 'half of the servers are away']);
    assert.equal((await one.renew()).status, 200);
    await call(daemon, 'DELETE', '/api/v1/plugins/survivor');
  });

  it('a library plugin without a cadence is never sick of silence; one with a cadence misses runs', async () => {
    await register(daemon, { id: 'quiet', kind: 'LIBRARY' });
    await register(daemon, { id: 'timed', kind: 'LIBRARY', cadence: '0.5s' });
    await untilState(daemon, 'timed', 'DEGRADED');
    const ill = await plugin(daemon, 'timed');
    assert.deepEqual([ill.reason, ill.cadence], ['MISSED_RUN', '0.500s']);
    await untilState(daemon, 'timed', 'UNHEALTHY');
    assert.equal((await plugin(daemon, 'quiet')).state, 'ACTIVE');
    await call(daemon, 'POST', '/api/v1/events', { type: 'plugin.called', source: 'timed', data: { duration_ms: 5 } });
    assert.equal((await plugin(daemon, 'timed')).state, 'ACTIVE');
  });

  it('an event makes its plugin known; the newest 100 are kept, and calls are counted', async () => {
    const events = Array.from({ length: 150 }, (_, i) => ({
      type: i % 10 === 0 ? 'plugin.error' : 'plugin.called',
      source: 'somebody',
      attributes: { plugin: 'stranger' },
      data: { duration_ms: i },
    }));
    assert.equal((await call(daemon, 'POST', '/api/v1/events:batch', { events })).status, 200);
    const seen = await plugin(daemon, 'stranger');
    assert.deepEqual([seen.state, seen.kind, seen.calls], ['UNKNOWN', 'KIND_UNSPECIFIED', { count: 150, errors: 15, p95_ms: 142 }]);
    const durations = seen.recent_events.map((e: { data: { duration_ms: number } }) => e.data.duration_ms);
    assert.deepEqual(
      durations,
      Array.from({ length: 100 }, (_, i) => 149 - i),
    );
    assert.equal((await call(daemon, 'GET', '/api/v1/plugins/somebody')).status, 404);
  });

  it('more labels than allowed, a foreign session, a bad id, an unknown plugin: refused with a reason', async () => {
    const reason = (answer: { json: { details?: { debug?: { reason?: string } }[] } }): unknown => JSON.stringify(answer.json);
    const labels = { a: '1', b: '2', c: '3', d: '4' };
    const crowded = await session(daemon, 'RegisterPlugin', { plugin: { id: 'crowded', labels } });
    assert.equal(crowded.status, 429);
    assert.match(String(reason(crowded)), /plugins\.limits\.labels/);
    assert.equal((await session(daemon, 'RegisterPlugin', { plugin: { id: '../etc' } })).status, 400);
    assert.equal((await session(daemon, 'RenewPluginLease', { plugin_id: 'nobody', session_id: 'x' })).status, 404);
    const start = await call(daemon, 'POST', '/api/v1/plugins/reporter:start', {});
    assert.deepEqual([start.status, start.json.details[0].reason], [400, 'PLUGIN_NOT_PROCESS']);
  });

  it('what is switched off is not judged and cannot register, also after a kill -9; enabled it may again', async () => {
    const one = await register(daemon, { id: 'switched' }, { lease: '60s' });
    assert.equal((await call(daemon, 'POST', '/api/v1/plugins/switched:disable', {})).json.state, 'DISABLED');
    assert.equal((await one.renew()).status, 400);
    await call(daemon, 'POST', '/api/v1/events', { type: 'plugin.called', source: 'switched', data: { duration_ms: 1 } });
    await daemon.kill('SIGKILL');
    await daemon.start();
    const seen = await plugin(daemon, 'switched');
    assert.deepEqual([seen.state, seen.enabled, seen.recent_events.length, seen.calls.count], ['DISABLED', false, 1, 1]);
    const refused = await session(daemon, 'RegisterPlugin', { plugin: { id: 'switched' } });
    assert.match(JSON.stringify(refused.json), /is switched off/);
    assert.equal((await call(daemon, 'POST', '/api/v1/plugins/switched:enable', {})).status, 200);
    await register(daemon, { id: 'switched' }, { lease: '60s' });
    assert.equal((await plugin(daemon, 'switched')).state, 'ACTIVE');
  });

  it('one that was switched on again is STARTING until it registers', async () => {
    await register(daemon, { id: 'again' }, { lease: '60s' });
    await call(daemon, 'POST', '/api/v1/plugins/again:disable', {});
    const { json } = await call(daemon, 'POST', '/api/v1/plugins/again:enable', {});
    assert.deepEqual([json.state, json.message, json.health.status], ['STARTING', 'it has not registered yet', 'STATUS_UNSPECIFIED']);
    await register(daemon, { id: 'again' }, { lease: '60s' });
    assert.equal((await plugin(daemon, 'again')).state, 'ACTIVE');
    await call(daemon, 'DELETE', '/api/v1/plugins/again');
  });

  it('a session outlives the agent: nobody is ill because it was away', async () => {
    const one = await register(daemon, { id: 'patient' }, { lease: '4s' });
    await daemon.kill('SIGKILL');
    await sleep(4500);
    await daemon.start();
    assert.equal((await one.renew()).status, 200);
    assert.equal((await plugin(daemon, 'patient')).state, 'ACTIVE');
    assert.deepEqual(types(await told(daemon, 'plugin.*', 'patient')), ['plugin.registered']);
  });

  it('what silence made ill stays ill over a restart of the agent, until it is heard of', async () => {
    await register(daemon, { id: 'late', kind: 'LIBRARY', cadence: '1s' });
    await untilState(daemon, 'late', 'UNHEALTHY');
    await daemon.kill('SIGTERM');
    await daemon.start();
    await sleep(700);
    assert.deepEqual([(await plugin(daemon, 'late')).state, (await plugin(daemon, 'late')).reason], ['UNHEALTHY', 'MISSED_RUN']);
    await call(daemon, 'POST', '/api/v1/events', { type: 'plugin.called', source: 'late' });
    await untilState(daemon, 'late', 'ACTIVE');
    const story = types(await told(daemon, 'plugin.*', 'late'));
    assert.equal(story.filter((type) => type === 'plugin.unhealthy').length, 1);
    assert.equal(story.filter((type) => type === 'plugin.recovered').length, 1);
    assert.equal((await call(daemon, 'DELETE', '/api/v1/plugins/late')).status, 200);
  });

  it('an event without a source belongs to the plugin that its token is named after', async () => {
    await register(daemon, { id: 'admin', kind: 'LIBRARY' });
    await call(daemon, 'POST', '/api/v1/events', { type: 'plugin.called', data: { duration_ms: 5 } });
    assert.equal((await plugin(daemon, 'admin')).calls.count, 1);
    assert.equal((await call(daemon, 'DELETE', '/api/v1/plugins/admin')).status, 200);
  });

  it('beyond the limit: strangers make room for who registers, else it is refused and counted', async () => {
    for (let i = 0; i < 20; i++) await call(daemon, 'POST', '/api/v1/events', { type: 'note', source: `noise-${i}` });
    const known = (await call(daemon, 'GET', '/api/v1/plugins')).json.plugins;
    assert.equal(known.length, 12);
    const refused: number[] = [];
    for (let i = 0; i < 12; i++) refused.push((await session(daemon, 'RegisterPlugin', { plugin: { id: `crowd-${i}` } })).status);
    assert.ok(refused.includes(200) && refused.at(-1) === 429, refused.join());
    const text = await (await fetch(`${daemon.base}/metrics`, { headers: { authorization: `Bearer ${daemon.token()}` } })).text();
    assert.match(text, /sboxagent_limit_refused_total\{[^}]*limit="plugins"[^}]*\} [1-9]/);
  });

  it('declared ones are known beyond the limit', async () => {
    const units = { one: { command: ['sleep', '300'] }, two: { command: ['sleep', '300'] } };
    const limits = { plugins: 1, labels: 3 };
    const put = await call(daemon, 'PUT', '/api/v1/config?update_mask=plugins.units,plugins.limits', { plugins: { units, limits } });
    assert.equal(put.status, 200, JSON.stringify(put.json));
    await daemon.kill('SIGKILL');
    await daemon.start();
    for (const id of ['one', 'two']) assert.equal((await plugin(daemon, id)).kind, 'PROCESS');
  });

  it('deleted: gone with its session, told once', async () => {
    const one = await register(daemon, { id: 'reporter' }, { lease: '60s' });
    assert.equal((await call(daemon, 'DELETE', '/api/v1/plugins/reporter')).status, 200);
    assert.equal((await call(daemon, 'GET', '/api/v1/plugins/reporter')).status, 404);
    assert.equal((await one.renew()).status, 404);
    await until('plugin.removed', async () => types(await told(daemon, 'plugin.removed', 'reporter')).length === 1);
  });
});

describe('plugins that the agent runs', () => {
  let daemon: Daemon;
  const document = (id: string): string => `../../plugins/${id}/config.json`;
  before(async () => {
    const unit = { command: ['/bin/sh', '-c', 'echo x >> "$STARTS"; exec sleep 300'], autostart: true, stop: { grace: '1s' } };
    daemon = await makeDaemon({
      config: {
        plugins: {
          health_check: { interval: '250ms', timeout: '1s', retries: 2 },
          units: {
            flaky: {
              ...unit,
              env: { STARTS: '/proc/self/cwd/starts' },
              probes: { readiness: { exec: { command: ['/bin/sh', '-c', 'test $(wc -l < starts) -ge 4'] } } },
              recovery: { steps: ['restart'], budget: 5, window: '10m', backoff: '100ms' },
            },
            never: {
              ...unit,
              env: { STARTS: 'starts' },
              probes: { readiness: { exec: { command: ['false'] } } },
              recovery: { steps: ['push_config', 'restart'], budget: 3, window: '10m', backoff: '100ms' },
            },
            last: {
              ...unit,
              env: { STARTS: 'starts' },
              probes: { readiness: { exec: { command: ['false'] } } },
              recovery: { steps: ['restart', 'disable'], budget: 5, window: '10m', backoff: '100ms' },
            },
            pushed: {
              ...unit,
              autostart: false,
              env: { STARTS: 'starts' },
              probes: { readiness: { exec: { command: ['/bin/sh', '-c', 'grep -q good "$SBOXAGENT_PLUGIN_CONFIG"'] } } },
              recovery: { steps: ['push_config'], budget: 2, window: '10m', backoff: '500ms' },
            },
            broken: {
              ...unit,
              env: { STARTS: 'starts' },
              probes: { readiness: { exec: { command: ['grep', '-q', 'good', document('broken')] } } },
              recovery: { steps: ['restart'], budget: 1000, window: '10m', backoff: '100ms' },
            },
            stubborn: {
              command: ['/bin/sh', '-c', "trap '' TERM; while :; do sleep 0.1; done"],
              autostart: true,
              stop: { grace: '1s' },
              probes: { readiness: { exec: { command: ['grep', '-q', 'good', document('stubborn')] } } },
              recovery: { steps: ['restart'], budget: 1000, window: '10m', backoff: '100ms' },
            },
            plain: { command: ['sleep', '300'], stop: { grace: '1s' } },
          },
        },
      },
    });
    await daemon.start();
  });
  after(() => daemon.dispose());

  it('fails three times and then works: one story under one trace', async () => {
    await untilState(daemon, 'flaky', 'ACTIVE');
    const story = await told(daemon, '**', 'flaky');
    const [ill] = story.filter(({ type }) => type === 'plugin.degraded');
    const under = story.filter(({ trace }) => trace === ill?.trace);
    const plugins = under.filter(({ type }) => type.startsWith('plugin.'));
    assert.deepEqual(types(plugins), [
      'plugin.degraded',
      'plugin.unhealthy',
      'plugin.recovering',
      'plugin.recovering',
      'plugin.recovering',
      'plugin.recovered',
    ]);
    assert.deepEqual(
      plugins.filter(({ type }) => type === 'plugin.recovering').map(({ data }) => [data['step'], data['attempt'], data['budget']]),
      [1, 2, 3].map((attempt) => ['restart', attempt, 5]),
    );
    assert.equal(under.filter(({ type }) => type === 'process.ready').length, 3);
    const mended = await plugin(daemon, 'flaky');
    assert.deepEqual([mended.recovery.attempts, mended.recovery.last_action, mended.process_id], [3, 'restart', 'flaky']);
  });

  it('never works: the budget is kept, and it says once that it gave up, with what a person does next', async () => {
    await until('plugin.lost', async () => (await told(daemon, 'plugin.lost', 'never')).length === 1);
    await sleep(1500);
    const story = await told(daemon, 'plugin.*', 'never');
    assert.equal(story.filter(({ type }) => type === 'plugin.recovering').length, 3);
    const lost = story.filter(({ type }) => type === 'plugin.lost');
    assert.equal(lost.length, 1);
    assert.match(String(lost[0]?.data['next_action']), /sboxagent logs never/);
    assert.equal((await plugin(daemon, 'never')).state, 'UNHEALTHY');
    const { alerts } = (await call(daemon, 'GET', '/api/v1/alerts?filter.subjects=never')).json;
    assert.deepEqual(
      alerts.map((alert: { rule: string; state: string; trace_id: string }) => [alert.rule, alert.state, alert.trace_id]),
      [['plugin_unhealthy', 'FIRING', lost[0]?.trace]],
    );
    const firing = (await call(daemon, 'GET', '/api/v1/events?filter.types=alert.firing')).json.events;
    assert.equal(firing.filter((e: { data: { subject: string } }) => e.data.subject === 'never').length, 1);
  });

  it('a document that is pushed again starts the program anew inside the same story', async () => {
    await call(daemon, 'PUT', '/api/v1/plugins/pushed/config', { word: 'bad' });
    await call(daemon, 'POST', '/api/v1/plugins/pushed:start', {});
    await until('plugin.lost', async () => (await told(daemon, 'plugin.lost', 'pushed')).length === 1);
    const story = await told(daemon, 'plugin.*', 'pushed');
    assert.deepEqual(types(story), ['plugin.degraded', 'plugin.unhealthy', 'plugin.recovering', 'plugin.recovering', 'plugin.lost']);
    assert.equal(new Set(story.map(({ trace }) => trace)).size, 1);
    const starts = (await told(daemon, 'process.started', 'pushed')).filter(({ trace }) => trace === story[0]?.trace);
    assert.equal(starts.length, 2);
    // A person mends it, and it is well: nothing of its illness stays.
    await call(daemon, 'PUT', '/api/v1/plugins/pushed/config', { word: 'good' });
    await untilState(daemon, 'pushed', 'ACTIVE');
    await until('the end of it', async () => types(await told(daemon, 'plugin.*', 'pushed')).at(-1) === 'plugin.recovered');
    const alerts = async (): Promise<readonly { state: string }[]> =>
      (await call(daemon, 'GET', '/api/v1/alerts?filter.subjects=pushed')).json.alerts;
    await until('the alert to resolve', async () => (await alerts()).every(({ state }) => state === 'RESOLVED'));
  });

  it('what a person stops in the middle of a recovery rests, and is well when it works again', async () => {
    await until('a recovery', async () => (await plugin(daemon, 'broken')).recovery.attempts > 0);
    await call(daemon, 'DELETE', '/api/v1/processes/broken');
    await untilState(daemon, 'broken', 'STOPPED');
    await sleep(1500);
    assert.equal((await call(daemon, 'GET', '/api/v1/processes/broken')).json.state, 'STOPPED');
    await call(daemon, 'PUT', '/api/v1/plugins/broken/config', { word: 'good' });
    const started = await call(daemon, 'POST', '/api/v1/processes', { id: 'broken' });
    assert.equal(started.status, 201, JSON.stringify(started.json));
    await untilState(daemon, 'broken', 'ACTIVE');
  });

  it('what a person stops while a step of its recovery is under way starts without its old failures', async () => {
    const recoveries = async (): Promise<number> => (await told(daemon, 'plugin.recovering', 'stubborn')).length;
    const before = await recoveries();
    await until('a step', async () => (await recoveries()) > before);
    await call(daemon, 'DELETE', '/api/v1/processes/stubborn');
    await untilState(daemon, 'stubborn', 'STOPPED');
    const taken = await recoveries();
    await call(daemon, 'PUT', '/api/v1/plugins/stubborn/config', { word: 'good' });
    const started = await call(daemon, 'POST', '/api/v1/processes', { id: 'stubborn' });
    assert.equal(started.status, 201, JSON.stringify(started.json));
    await untilState(daemon, 'stubborn', 'ACTIVE');
    assert.equal(await recoveries(), taken);
  });

  it('a hand edit that is refused is named by file and line, also while plugins are ill', async () => {
    await until('an illness', async () => (await plugin(daemon, 'never')).state === 'UNHEALTHY');
    writeFileSync(join(daemon.stateDir, 'plugins', 'broken', 'config.json'), '{\n  "word":\n}\n');
    const shown = await until('the component to name it', async () => {
      const { components } = (await call(daemon, 'GET', '/api/v1/health')).json;
      const { message } = components.find(({ name }: { name: string }) => name === 'plugins');
      return message.includes('config.json') ? String(message) : undefined;
    });
    assert.match(shown, /UNHEALTHY: .*never.*broken\/config\.json:3/);
  });

  it('the last rung switches it off: its process is stopped and stays so', async () => {
    await untilState(daemon, 'last', 'DISABLED');
    assert.deepEqual(types(await told(daemon, 'plugin.*', 'last')), [
      'plugin.degraded',
      'plugin.unhealthy',
      'plugin.recovering',
      'plugin.recovering',
      'plugin.lost',
    ]);
    assert.equal(new Set((await told(daemon, 'plugin.*', 'last')).map(({ trace }) => trace)).size, 1);
    assert.equal((await call(daemon, 'GET', '/api/v1/processes/last')).json.state, 'STOPPED');
    const refused = await call(daemon, 'POST', '/api/v1/plugins/last:start', {});
    assert.deepEqual([refused.status, refused.json.details[0].reason], [400, 'PLUGIN_DISABLED']);
  });

  it('lifecycle: stopped, started (again is no error), restarted; declared ones cannot be deleted', async () => {
    assert.equal((await plugin(daemon, 'plain')).state, 'STOPPED');
    const act = async (verb: string): Promise<string> => (await call(daemon, 'POST', `/api/v1/plugins/plain:${verb}`, {})).json.state;
    await act('start');
    await untilState(daemon, 'plain', 'ACTIVE');
    assert.equal(await act('start'), 'ACTIVE');
    const pid = (await call(daemon, 'GET', '/api/v1/processes/plain')).json.pid;
    await act('restart');
    await untilState(daemon, 'plain', 'ACTIVE');
    assert.notEqual((await call(daemon, 'GET', '/api/v1/processes/plain')).json.pid, pid);
    assert.equal(await act('stop'), 'STOPPED');
    const refused = await call(daemon, 'DELETE', '/api/v1/plugins/plain');
    assert.deepEqual([refused.status, refused.json.details[0].reason], [400, 'PLUGIN_DECLARED']);
  });

  it('a process that dies is degraded, and well again as soon as it is back', async () => {
    await call(daemon, 'POST', '/api/v1/plugins/plain:start', {});
    await untilState(daemon, 'plain', 'ACTIVE');
    process.kill((await call(daemon, 'GET', '/api/v1/processes/plain')).json.pid, 'SIGKILL');
    await until('it to be told', async () => types(await told(daemon, 'plugin.*', 'plain')).length > 0);
    await untilState(daemon, 'plain', 'ACTIVE');
    await until('the end of it', async () => types(await told(daemon, 'plugin.*', 'plain')).at(-1) === 'plugin.recovered');
    assert.equal((await told(daemon, 'plugin.*', 'plain'))[0]?.type, 'plugin.degraded');
  });
});
