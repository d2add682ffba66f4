/** A call with a traceparent is found under its trace in a real Jaeger, and the log lines of that call carry the same trace id. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { EventService } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import { type Daemon, foreign, makeDaemon, until } from '../helpers/daemon.ts';
import { type Jaeger, startJaeger } from '../helpers/jaeger.ts';

const binary = foreign('jaeger');
const options = binary === undefined ? { skip: 'there is no Jaeger on this machine' } : {};
let jaeger: Jaeger | undefined;
let daemon: Daemon;
before(async () => {
  if (binary === undefined) return;
  jaeger = await startJaeger(binary);
  daemon = await makeDaemon({
    config: { agent: { log_level: 'debug' }, telemetry: { otlp_endpoint: jaeger.otlp } },
    env: { OTEL_BSP_SCHEDULE_DELAY: '200' },
  });
  await daemon.start();
});

after(async () => {
  await daemon?.dispose();
  jaeger?.stop();
});

const event = { type: 'test.traced', source: 'jaeger' };
const calls: Readonly<Record<string, (traceparent: string) => Promise<unknown>>> = {
  REST: (traceparent) => daemon.rest('POST', '/api/v1/events', event, { traceparent }),
  gRPC: (traceparent) =>
    createClient(EventService, createGrpcTransport({ baseUrl: daemon.base })).createEvent(
      { event },
      { headers: { authorization: `Bearer ${daemon.token()}`, traceparent } },
    ),
};

for (const [name, call] of Object.entries(calls)) {
  test(`a ${name} call is found in Jaeger and in the log under its trace`, options, async () => {
    const traceId = randomBytes(16).toString('hex');
    const parent = randomBytes(8).toString('hex');
    await call(`00-${traceId}-${parent}-01`);
    const span = await until('the span', async () =>
      ((await jaeger?.spansOf(traceId)) ?? []).find((s) => s.operationName === 'sboxagent.v1.EventService/CreateEvent'),
    );
    assert.ok(span.references.some(({ spanID }) => spanID === parent));
    const lines = daemon
      .log()
      .split('\n')
      .filter((text) => text.includes(traceId));
    assert.ok(lines.length > 0);
    for (const text of lines) assert.equal((JSON.parse(text) as { trace_id: string }).trace_id, traceId);
  });
}
