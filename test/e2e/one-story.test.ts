/** One story under a trace id of sboxmgr (call, restart, event, alert, webhook), in a real Jaeger and in the agent's own traces: the same spans. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type Receiver, receiver } from '../helpers/alert-room.ts';
import { type Daemon, foreign, makeDaemon, until } from '../helpers/daemon.ts';
import { type Jaeger, startJaeger } from '../helpers/jaeger.ts';

const binary = foreign('jaeger');
const options = binary === undefined ? { skip: 'there is no Jaeger on this machine' } : {};
let jaeger: Jaeger | undefined;
let ops: Receiver;
let daemon: Daemon;

before(async () => {
  if (binary === undefined) return;
  jaeger = await startJaeger(binary);
  ops = await receiver();
  daemon = await makeDaemon({
    config: {
      telemetry: { otlp_endpoint: jaeger.otlp },
      processes: { units: { edge: { command: ['/bin/sleep', '1000'], autostart: true } } },
      alerts: {
        rules: [
          {
            name: 'fetch-errors',
            event: { types: ['plugin.error'] },
            count: 1,
            window: '1h',
            severity: 'ERROR',
            summary: 'Fetching fails',
          },
        ],
        webhooks: [{ name: 'ops', url: ops.url }],
      },
    },
    env: { OTEL_BSP_SCHEDULE_DELAY: '200' },
  });
  await daemon.start();
});
after(async () => {
  await daemon?.dispose();
  await ops?.[Symbol.asyncDispose]();
  jaeger?.stop();
});

test('the same spans in Jaeger and in GetTrace, each below its parent', options, async () => {
  const short = randomBytes(4).toString('hex');
  const traceId = short.padStart(32, '0');
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  assert.equal((await daemon.rest('POST', '/api/v1/processes/edge:restart', {}, { traceparent })).status, 200);
  const event = { type: 'plugin.error', source: 'url_base64', trace_id: short };
  assert.equal((await daemon.rest('POST', '/api/v1/events', event, { traceparent })).status, 201);
  const expected = [
    'process.start',
    'sboxagent.v1.EventService/CreateEvent',
    'sboxagent.v1.ProcessService/RestartProcess',
    'webhook.deliver',
  ];
  const foreignSpans = await until('the spans in Jaeger', async () => {
    const spans = (await jaeger?.spansOf(traceId)) ?? [];
    return spans.length >= expected.length && spans;
  });
  assert.deepEqual(foreignSpans.map(({ operationName }) => operationName).sort(), expected);
  const { json } = await daemon.rest('GET', `/api/v1/traces/${short}`);
  const { entries } = json as { entries: readonly { kind: string; name: string; id: string; parent_id: string }[] };
  const own = entries.filter(({ kind }) => kind === 'SPAN');
  const shape = (name: string, id: string, parent: string | undefined): string => `${name} ${id} below ${parent ?? ''}`;
  assert.deepEqual(
    own.map(({ name, id, parent_id }) => shape(name, id, parent_id)).sort(),
    foreignSpans.map(({ operationName, spanID, references }) => shape(operationName, spanID, references[0]?.spanID)).sort(),
  );
  const events = entries.filter(({ kind }) => kind === 'EVENT').map(({ name }) => name);
  for (const name of ['process.stopped', 'process.ready', 'plugin.error', 'alert.firing']) assert.ok(events.includes(name), name);
});
