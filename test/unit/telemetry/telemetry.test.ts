import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { withMetricsTable } from '../../../docs/metrics-table.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { metricCatalogue, observeSystem, startTelemetry, type Telemetry, type TelemetryOptions } from '../../../src/telemetry/index.ts';
import { cpuTimes, memory, network } from '../../../src/telemetry/system.ts';
import { until } from '../../helpers/daemon.ts';

const started: Telemetry[] = [];
after(() => Promise.all(started.map((telemetry) => telemetry.stop())));

async function start(options: Partial<TelemetryOptions> = {}): Promise<{ telemetry: Telemetry; lines: () => Record<string, unknown>[] }> {
  const written: string[] = [];
  const telemetry = await startTelemetry({
    version: '1.2.3',
    commit: 'abc',
    instanceName: 'here',
    logLevel: 'info',
    sampleRatio: 1,
    env: {},
    clock: systemClock,
    destination: { write: (line) => void written.push(line) },
    ...options,
  });
  started.push(telemetry);
  return { telemetry, lines: () => written.map((line) => JSON.parse(line)) };
}

const call = (headers: Record<string, string | string[] | undefined> = {}, method = 'CreateEvent') => ({
  service: 'sboxagent.v1.EventService',
  method,
  system: 'grpc',
  headers,
});
const traceId = '0af7651916cd43dd8448eb211c80319c';
const sample = (text: string, start: string): number[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith(start))
    .map((line) => Number(line.split(' ').at(-1)));

test('a line has an ISO time, a level word and its fields', async () => {
  const { telemetry, lines } = await start();
  telemetry.logger.child({ unit: 'edge' }).info({ nested: { port: 1 } }, 'said');
  telemetry.logger.debug({}, 'below the level');
  telemetry.logger.error({ error: new Error('no', { cause: new TypeError('why') }) }, 'failed\nbadly');
  const [one, two] = lines();
  assert.equal(lines().length, 2);
  assert.deepEqual({ ...one, time: '' }, { level: 'info', time: '', unit: 'edge', nested: { port: 1 }, msg: 'said' });
  assert.match(String(one?.['time']), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.equal(two?.['msg'], 'failed\nbadly');
  assert.equal((two?.['error'] as { cause: { message: string } }).cause.message, 'why');
});

test('the level changes at run time, for loggers that exist already too', async () => {
  const { telemetry, lines } = await start();
  const child = telemetry.logger.child({ a: 1 });
  telemetry.setLogLevel('debug');
  child.debug({}, 'now');
  telemetry.setLogLevel('error');
  child.warn({}, 'not');
  assert.deepEqual(
    lines().map((line) => line['msg']),
    ['now'],
  );
});

test('a listener gets every line once and may log itself without recursion', async () => {
  const { telemetry, lines } = await start();
  const got: object[] = [];
  telemetry.onLogLine((line) => {
    got.push(line);
    telemetry.logger.info({}, 'from the listener');
    throw new Error('a listener that fails');
  });
  telemetry.logger.warn({ a: 1 }, 'hello');
  assert.equal(got.length, 1);
  assert.deepEqual({ ...got[0], timeMs: 0 }, { timeMs: 0, level: 'warn', message: 'hello', traceId: '', spanId: '', fields: { a: 1 } });
  assert.equal(lines().length, 2);
});

test('lines inside a call carry its ids, also after an await; outside there are none', async () => {
  const { telemetry, lines } = await start();
  const span = telemetry.startCall(call({ traceparent: `00-${traceId}-b7ad6b7169203331-01`, ':path': '/' }));
  assert.equal(span.traceId, traceId);
  await telemetry.run(span, async () => {
    await systemClock.sleep(1);
    assert.deepEqual(telemetry.active(), { traceId, spanId: span.spanId });
    telemetry.logger.info({}, 'inside');
  });
  telemetry.logger.info({}, 'outside');
  span.end('ok');
  const [inside, outside] = lines();
  assert.equal(inside?.['trace_id'], traceId);
  assert.equal(inside?.['span_id'], span.spanId);
  assert.equal('trace_id' in (outside ?? {}), false);
  assert.deepEqual(telemetry.active(), { traceId: '', spanId: '' });
});

test('a broken traceparent starts a new trace; every call has an id, sampled or not', async () => {
  for (const sampleRatio of [0, 1]) {
    const { telemetry } = await start({ sampleRatio });
    for (const traceparent of ['', 'x', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, `00-${traceId}-b7ad-01`, ['a', 'b'], undefined]) {
      const span = telemetry.startCall(call({ traceparent }));
      assert.match(span.traceId, /^(?!0{32})[0-9a-f]{32}$/);
      assert.notEqual(span.traceId, traceId);
      span.end('ok');
    }
  }
});

test('calls are measured once each under system, method and status', async () => {
  const { telemetry } = await start();
  const span = telemetry.startCall(call());
  span.end('not_found');
  span.end('ok');
  telemetry.startCall({ ...call(), system: 'connect_rpc' }).end('internal', new Error('x'));
  const text = await telemetry.metrics.prometheus();
  const series = (labels: string): number[] => sample(text, `rpc_server_call_duration_seconds_count{${labels}}`);
  const method = 'rpc_method="sboxagent.v1.EventService/CreateEvent"';
  assert.deepEqual(series(`rpc_system_name="grpc",${method},rpc_status_code="NOT_FOUND"`), [1]);
  assert.deepEqual(series(`rpc_system_name="connectrpc",${method},rpc_status_code="INTERNAL",error_type="INTERNAL"`), [1]);
});

test('names are those of the catalogue and of docs/metrics.md, whatever their unit', async () => {
  const { telemetry } = await start();
  for (const [name, { kind, labels }] of Object.entries(metricCatalogue)) {
    const given = Object.fromEntries(labels.map((label) => [label, `a "quoted"\\ value`]));
    if (kind === 'counter' && !name.startsWith('sboxagent_system_')) telemetry.metrics.counter(name).add(1, given);
    else if (kind === 'histogram') telemetry.metrics.histogram(name).record(1, given);
    else if (!name.includes('build_info')) telemetry.metrics.observe(name, { kind: kind as 'gauge' }, () => [{ value: 1, labels: given }]);
  }
  const text = await telemetry.metrics.prometheus();
  const printed = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => `${name} ${kind}`);
  const expected = Object.entries(metricCatalogue).map(([name, { kind }]) => `${name} ${kind}`);
  assert.deepEqual(printed.toSorted(), expected.toSorted());
  const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
  assert.equal(page, withMetricsTable(page), 'npm run generate:docs');
  if (spawnSync('promtool', ['--version']).error) return;
  assert.equal(execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' }), '');
});

test('the names that dashboards and alerts of others rely on are there, with the labels that they know', () => {
  const relied: Readonly<Record<string, readonly string[]>> = {
    rpc_server_call_duration_seconds: ['rpc_system_name', 'rpc_method', 'rpc_status_code', 'error_type'],
    sboxagent_build_info: ['version', 'commit', 'node_version'],
    sboxagent_up_seconds: [],
    ...Object.fromEntries(
      ['cpu_usage_ratio', 'memory_used_bytes', 'memory_total_bytes', 'disk_used_bytes', 'disk_total_bytes', 'load1']
        .concat(['network_receive_bytes_total', 'network_transmit_bytes_total'])
        .map((name) => [`sboxagent_system_${name}`, []]),
    ),
    sboxagent_process_state: ['process', 'engine', 'state'],
    ...Object.fromEntries(
      ['cpu_usage_ratio', 'resident_memory_bytes', 'open_fds', 'uptime_seconds', 'restarts_total'].map((name) => [
        `sboxagent_process_${name}`,
        ['process', 'engine'],
      ]),
    ),
    ...Object.fromEntries(
      ['connections', 'transmit_bytes_total', 'receive_bytes_total'].map((name) => [`sboxagent_engine_${name}`, ['process']]),
    ),
    sboxagent_events_total: [],
    sboxagent_events_last_revision: [],
    sboxagent_events_deduplicated_total: [],
    sboxagent_events_dropped_total: ['reason'],
    sboxagent_watchers: [],
    sboxagent_streams: ['kind'],
    sboxagent_connections: [],
    ...Object.fromEntries(
      ['up', 'health', 'lease_age_seconds', 'recoveries_total'].map((name) => [`sboxagent_plugin_${name}`, ['plugin']]),
    ),
    ...Object.fromEntries(
      ['subscriptions_processed_total', 'configs_generated_total', 'errors_total', 'processing_seconds'].map((name) => [
        `sboxagent_business_${name}`,
        [],
      ]),
    ),
    sboxagent_schedule_runs_total: ['result'],
    sboxagent_schedule_run_duration_seconds: [],
    sboxagent_config_applies_total: ['result'],
    sboxagent_alerts_firing: ['rule'],
    sboxagent_auth_denied_total: ['reason'],
    sboxagent_rate_limited_total: [],
    sboxagent_log_lines_total: ['source'],
    sboxagent_log_lines_dropped_total: ['source'],
    sboxagent_store_errors_total: ['kind'],
    sboxagent_event_loop_delay_seconds: ['stat'],
    sboxagent_limit_refused_total: ['limit'],
  };
  for (const [name, labels] of Object.entries(relied)) assert.deepEqual(metricCatalogue[name]?.labels, labels, name);
});

test('what an alert could be on is there before it counts: declared labels, counters and histograms without labels', async () => {
  const { telemetry } = await start();
  const { metrics } = telemetry;
  for (const [name, { kind, labels, declared = [] }] of Object.entries(metricCatalogue)) {
    if (kind === 'counter' && (labels.length === 0 || declared.length > 0) && !name.startsWith('sboxagent_system_')) metrics.counter(name);
    if (kind === 'histogram' && labels.length === 0) metrics.histogram(name);
  }
  const text = await metrics.prometheus();
  const expected = {
    'sboxagent_store_errors_total{kind="full"}': 0,
    'sboxagent_events_dropped_total{reason="backlog_full"}': 0,
    'sboxagent_auth_denied_total{reason="token_invalid"}': 0,
    'sboxagent_auth_denied_total{reason="scope_missing"}': 0,
    'sboxagent_limit_refused_total{limit="streams"}': 0,
    'sboxagent_schedule_runs_total{result="timeout"}': 0,
    sboxagent_business_errors_total: 0,
    sboxagent_business_processing_seconds_count: 0,
    'sboxagent_business_processing_seconds_bucket{le="600"}': 0,
    sboxagent_schedule_run_duration_seconds_sum: 0,
  };
  for (const [series, value] of Object.entries(expected)) assert.deepEqual(sample(text, series), [value], series);
  metrics.histogram('sboxagent_business_processing_seconds').record(2);
  metrics.counter('sboxagent_store_errors_total').add(1, { kind: 'full' });
  const later = await metrics.prometheus();
  assert.deepEqual(sample(later, 'sboxagent_business_processing_seconds_count'), [1]);
  assert.deepEqual(sample(later, 'sboxagent_store_errors_total{kind="full"}'), [1]);
  assert.deepEqual(metrics.current('sboxagent_store_errors_total').length, 6);
});

test('an exporter protocol that is not spoken is one warning with what is spoken', async () => {
  for (const [env, warned] of [
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }, true],
    [
      {
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'grpc',
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      },
      true,
    ],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }, false],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, false],
  ] as const) {
    const { lines } = await start({ env });
    const warnings = lines().filter((line) => String(line['msg']).includes('protocol'));
    assert.equal(warnings.length, warned ? 1 : 0);
    if (warned) assert.deepEqual([warnings[0]?.['level'], warnings[0]?.['spoken']], ['warn', 'http/json']);
    if (warned) assert.match(String(warnings[0]?.['asked']), /OTEL_EXPORTER_OTLP_PROTOCOL=grpc/);
  }
});

test('a name or a kind that the catalogue does not have is refused', async () => {
  const { metrics } = (await start()).telemetry;
  assert.throws(() => metrics.counter('sboxagent_unheard_of_total'), /not in the catalogue/);
  assert.throws(() => metrics.counter('sboxagent_watchers'), /is a gauge/);
  assert.throws(() => metrics.counter('toString'), /not in the catalogue/);
});

test('a metric has at most 1000 label sets; what is refused is counted', async () => {
  const { telemetry } = await start();
  const lines = telemetry.metrics.counter('sboxagent_log_lines_total');
  for (let n = 0; n < 1010; n++) lines.add(1, { source: `r${n}` });
  lines.add(1, { source: 'r5' });
  const text = await telemetry.metrics.prometheus();
  assert.equal(sample(text, 'sboxagent_log_lines_total{').length, 1000);
  assert.deepEqual(sample(text, 'sboxagent_log_lines_total{source="r5"}'), [2]);
  assert.deepEqual(sample(text, 'sboxagent_limit_refused_total{limit="label_sets:sboxagent_log_lines_total"}'), [10]);
});

test('observed samples of one name are put together; a collector that throws costs only its own', async () => {
  const { telemetry } = await start();
  const gauge = { kind: 'gauge' } as const;
  telemetry.metrics.observe('sboxagent_streams', gauge, () => [{ value: 1, labels: { kind: 'a' } }]);
  telemetry.metrics.observe('sboxagent_streams', gauge, () => {
    throw new Error('EMFILE');
  });
  telemetry.metrics.observe('sboxagent_streams', gauge, () => [{ value: 2, labels: { kind: 'b' } }]);
  const text = await telemetry.metrics.prometheus();
  assert.deepEqual([...sample(text, 'sboxagent_streams{kind="a"}'), ...sample(text, 'sboxagent_streams{kind="b"}')], [1, 2]);
  assert.deepEqual(sample(text, 'sboxagent_build_info{version="1.2.3",commit="abc"'), [1]);
  assert.equal(sample(text, 'sboxagent_event_loop_delay_seconds').length, 3);
  assert.ok((sample(text, 'sboxagent_up_seconds')[0] ?? -1) >= 0);
});

test('figures of the machine, and a sample without them when nothing can be read', async () => {
  const { telemetry } = await start();
  const options = { metrics: telemetry.metrics, clock: systemClock, diskPath: '/', intervalMs: 10 };
  let deaf = false;
  const { readFile } = await import('node:fs/promises');
  const read = (path: string): Promise<string> => (deaf ? Promise.reject(new Error('EMFILE')) : readFile(path, 'utf8'));
  const stop = observeSystem({ ...options, read });
  const names = async (): Promise<number> => new Set((await telemetry.metrics.prometheus()).match(/^sboxagent_system_\w+/gm)).size;
  await until('all of them', async () => (await names()) === 8);
  deaf = true;
  await until('only those of statfs', async () => (await names()) === 2);
  stop();
});

test('a scrape serves the newest sample and reads nothing', async () => {
  const { telemetry } = await start();
  let reads = 0;
  const read = (): Promise<string> => {
    reads += 1;
    return Promise.reject(new Error('none'));
  };
  const stop = observeSystem({ metrics: telemetry.metrics, clock: systemClock, diskPath: '/', intervalMs: 3_600_000, read });
  await until('the first sample', async () => (await telemetry.metrics.prometheus()).includes('sboxagent_system_disk'));
  const before = reads;
  for (let i = 0; i < 5; i++) await telemetry.metrics.prometheus();
  assert.ok(before > 0);
  assert.equal(reads, before);
  stop();
});

test('/proc is read as the kernel writes it', () => {
  assert.deepEqual(cpuTimes('cpu  10 0 5 80 5 0 0 0 0 0\ncpu0 1 1 1 1'), { total: 100, busy: 15 });
  assert.throws(() => cpuTimes('nothing'));
  assert.deepEqual(memory('MemTotal:       100 kB\nMemFree: 1 kB\nMemAvailable:   40 kB\n'), {
    memory_total_bytes: 102400,
    memory_used_bytes: 61440,
  });
  const devices = 'Inter-| Receive\n face |bytes\n    lo: 5 0 0 0 0 0 0 0 5 0\n  eth0: 7 1 0 0 0 0 0 0 9 1\neth1:1 1 0 0 0 0 0 0 2 1\n';
  assert.deepEqual(network(devices), { network_receive_bytes_total: 8, network_transmit_bytes_total: 11 });
});
