import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { systemClock } from '../../../src/kernel/clock.ts';
import { startTelemetry } from '../../../src/telemetry/index.ts';

const telemetry = await startTelemetry({
  ...{ version: '1', commit: 'a', instanceName: 'here', logLevel: 'info', sampleRatio: 1, env: {}, clock: systemClock },
  destination: { write: () => {} },
});
after(() => telemetry.stop());

const call = (trace: string, code: string): void => {
  const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01` };
  telemetry.startCall({ service: 'sboxagent.v1.EventService', method: 'GetEvent', system: 'grpc', headers }).end(code);
};

test('the trace of the newest call is in its bucket; counters, help and end are as OpenMetrics wants them', async () => {
  const [first, second, third] = ['a', 'b', 'c'].map((digit) => digit.repeat(32));
  call(first ?? '', 'ok');
  call(second ?? '', 'ok');
  call(third ?? '', 'not_found');
  telemetry.metrics.counter('sboxagent_auth_denied_total').add(2, { reason: 'a"b\\c\nd' });
  const text = await telemetry.metrics.prometheus('openmetrics');
  const buckets = text.split('\n').filter((line) => line.startsWith('rpc_server_call_duration_seconds_bucket{'));
  const traced = buckets.filter((line) => line.includes(' # {trace_id="'));
  assert.ok(traced.some((line) => line.includes(`rpc_status_code="OK"`) && line.includes(second ?? '')));
  assert.ok(traced.some((line) => line.includes(`rpc_status_code="NOT_FOUND"`) && line.includes(third ?? '')));
  for (const line of traced) {
    const found = /le="([^"]+)"\} \d+ # \{trace_id="[0-9a-f]{32}"\} (\S+) \d+\.\d{3}$/.exec(line);
    assert.ok(found !== null && Number(found[2]) <= (found[1] === '+Inf' ? Infinity : Number(found[1])), line);
  }
  assert.match(text, /^# TYPE sboxagent_auth_denied counter$/m);
  assert.match(text, /^sboxagent_auth_denied_total\{reason="a\\"b\\\\c\\nd"\} 2$/m);
  assert.match(text, /le="1\.0"/);
  assert.ok(text.endsWith('\n# EOF\n'));
  const plain = await telemetry.metrics.prometheus();
  assert.doesNotMatch(plain, /trace_id|# EOF/);
});

test('the messages and both texts are one registry: equal series with equal values', async () => {
  telemetry.metrics.observe('sboxagent_process_state', { kind: 'gauge' }, () =>
    ['STOPPED', 'READY'].map((state, i) => ({ value: i, labels: { process: 'a', engine: '', state } })),
  );
  const [families, plain, open] = await Promise.all([
    telemetry.snapshot(),
    telemetry.metrics.prometheus(),
    telemetry.metrics.prometheus('openmetrics'),
  ]);
  // What tells of the moment itself moves between the three.
  const still = families.filter(({ name }) => !/up_seconds|event_loop_delay/.test(name));
  assert.ok(still.length >= 3, still.map(({ name }) => name).join());
  for (const { name, kind, series } of still) {
    const samples = (text: string): readonly number[] => {
      const sample = kind === 'HISTOGRAM' ? `${name}_count` : name;
      const lines = text.split('\n').filter((line) => line.startsWith(`${sample} `) || line.startsWith(`${sample}{`));
      return lines.map((line) => Number(line.split(' ').at(-1))).sort();
    };
    const values = series.map(({ value, count }) => (kind === 'HISTOGRAM' ? count : value)).sort();
    assert.deepEqual([samples(plain), samples(open)], [values, values], name);
  }
});
