/** A call with a traceparent is found under its trace in a real Jaeger, and the log lines of that call carry the same trace id. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { EventService } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import { type Daemon, foreign, freePort, makeDaemon, until } from '../helpers/daemon.ts';

const binary = foreign('jaeger');
const options = binary === undefined ? { skip: 'there is no Jaeger on this machine' } : {};
const flags = [
  'collector.otlp.http.host-port',
  'collector.otlp.grpc.host-port',
  'query.http-server.host-port',
  'query.grpc-server.host-port',
  'admin.http.host-port',
  'collector.grpc-server.host-port',
  'collector.http-server.host-port',
  'processor.jaeger-compact.server-host-port',
  'processor.jaeger-binary.server-host-port',
  'processor.zipkin-compact.server-host-port',
  'http-server.host-port',
];

let jaeger: ChildProcess | undefined;
let daemon: Daemon;
let query = '';

interface Span {
  readonly operationName: string;
  readonly references: readonly { spanID: string }[];
}

async function spansOf(traceId: string): Promise<readonly Span[]> {
  const answer = await fetch(`${query}/api/traces/${traceId}`);
  const { data } = (await answer.json()) as { data: readonly { spans: readonly Span[] }[] | null };
  return data?.[0]?.spans ?? [];
}

before(async () => {
  if (binary === undefined) return;
  const ports = await Promise.all(flags.map(() => freePort()));
  jaeger = spawn(
    binary,
    flags.map((flag, i) => `--${flag}=127.0.0.1:${ports[i]}`),
    { stdio: 'ignore', env: { ...process.env, SPAN_STORAGE_TYPE: 'memory' } },
  );
  query = `http://127.0.0.1:${ports[2]}`;
  await until('Jaeger', async () => (await fetch(`${query}/api/services`)).ok, 20_000);
  daemon = await makeDaemon({
    config: { agent: { log_level: 'debug' }, telemetry: { otlp_endpoint: `http://127.0.0.1:${ports[0]}` } },
    env: { OTEL_BSP_SCHEDULE_DELAY: '200' },
  });
  await daemon.start();
});

after(async () => {
  await daemon?.dispose();
  jaeger?.kill('SIGKILL');
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
      (await spansOf(traceId)).find((s) => s.operationName === 'sboxagent.v1.EventService/CreateEvent'),
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
