import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { trace } from '@opentelemetry/api';
import { systemClock } from '../../src/kernel/clock.ts';
import { startTelemetry, type Telemetry } from '../../src/telemetry/index.ts';

const cleanups: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const fn of cleanups.reverse()) await fn();
});

const quick = { OTEL_BSP_SCHEDULE_DELAY: '50', OTEL_METRIC_EXPORT_INTERVAL: '100' };
const traceId = '0af7651916cd43dd8448eb211c80319c';
const call = {
  service: 'sboxagent.v1.AgentService',
  method: 'GetStatus',
  system: 'rest',
  headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` },
};

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function start(
  otlpEndpoint: string | undefined,
  env: Record<string, string>,
  sampleRatio = 1,
  serving: Promise<void> = Promise.resolve(),
): Promise<Telemetry> {
  const telemetry = await startTelemetry({
    version: '1.2.3',
    commit: 'abc',
    instanceName: 'here',
    logLevel: 'info',
    otlpEndpoint,
    sampleRatio,
    env,
    clock: systemClock,
    serving,
    destination: { write() {} },
  });
  cleanups.push(() => telemetry.stop());
  return telemetry;
}

async function collector(): Promise<{ url: string; posts: { path: string; body: string }[] }> {
  const posts: { path: string; body: string }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      posts.push({ path: request.url ?? '', body: Buffer.concat(chunks).toString() });
      response.end('{}');
    });
  });
  const url = await listen(server);
  cleanups.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { url, posts };
}

async function eventually(fn: () => boolean): Promise<boolean> {
  for (let tries = 0; tries < 3000 && !fn(); tries++) await systemClock.sleep(10);
  return fn();
}

test('spans and metrics reach the collector, by the configured base URL and by the standard variables', async () => {
  for (const way of ['configured', 'environment']) {
    const { url, posts } = await collector();
    const telemetry =
      way === 'configured' ? await start(`${url}/`, quick) : await start(undefined, { ...quick, OTEL_EXPORTER_OTLP_ENDPOINT: url });
    telemetry.startCall(call).end('ok');
    const of = (path: string): string =>
      posts
        .filter((post) => post.path === path)
        .map((post) => post.body)
        .join('');
    assert.ok(await eventually(() => of('/v1/traces').includes(traceId) && of('/v1/metrics').includes('rpc.server.call.duration')), way);
    const span = JSON.parse(posts.find((post) => post.path === '/v1/traces')?.body ?? '').resourceSpans[0];
    const attributes = Object.fromEntries(
      span.resource.attributes.map(({ key, value }: { key: string; value: { stringValue: string } }) => [key, value.stringValue]),
    );
    assert.deepEqual(attributes, { 'service.name': 'sboxagent', 'service.version': '1.2.3', 'service.instance.id': 'here' });
    const [first] = span.scopeSpans[0].spans;
    assert.deepEqual([first.name, first.kind, first.parentSpanId], ['sboxagent.v1.AgentService/GetStatus', 2, 'b7ad6b7169203331']);
    assert.ok(of('/v1/metrics').includes('sboxagent_up_seconds'));
    await telemetry.stop();
  }
});

test('calls of before the exporters were loaded are sent when the agent serves, or when it ends before', async () => {
  for (const end of ['serves', 'stops']) {
    const { url, posts } = await collector();
    const serving = Promise.withResolvers<void>();
    const telemetry = await start(url, quick, 1, serving.promise);
    telemetry.startCall(call).end('ok');
    const under = telemetry.startCall({ ...call, method: 'UnderWay' });
    await systemClock.sleep(100);
    assert.equal(posts.length, 0, 'nothing is loaded yet');
    if (end === 'serves') serving.resolve();
    else await telemetry.stop();
    assert.ok(await eventually(() => posts.some(({ body }) => body.includes(traceId))), end);
    under.end('ok');
    if (end === 'serves') assert.ok(await eventually(() => posts.some(({ body }) => body.includes('UnderWay'))));
    assert.equal(trace.getTracerProvider().getTracer('x').startSpan('y').isRecording(), false, 'nothing is registered globally');
  }
});

test('an end of the agent sends all that waits, spans and lines', async () => {
  const { url, posts } = await collector();
  const telemetry = await start(url, {});
  const send = await telemetry.logSender();
  for (let n = 0; n < 1500; n++) {
    telemetry.startCall({ ...call, method: `Call${n}` }).end('ok');
    send?.({ timeMs: 1, level: 'INFO', source: 'agent', message: `line ${n}.`, traceId: '', spanId: '', fields: {} });
  }
  await telemetry.stop();
  const sent = (path: string): string => posts.flatMap((post) => (post.path === path ? [post.body] : [])).join('');
  const [spans, lines] = [sent('/v1/traces'), sent('/v1/logs')];
  for (let n = 0; n < 1500; n++) assert.ok(spans.includes(`/Call${n}"`) && lines.includes(`line ${n}.`), String(n));
  assert.deepEqual(
    telemetry.metrics.current('sboxagent_otlp_dropped_total').map(({ value }) => value),
    [0, 0],
  );
});

test('with a ratio of 0 only what the caller sampled is sent', async () => {
  const { url, posts } = await collector();
  const telemetry = await start(url, quick, 0);
  telemetry.startCall({ ...call, headers: {}, method: 'Unsampled' }).end('ok');
  telemetry.startCall(call).end('ok');
  assert.ok(await eventually(() => posts.some((post) => post.body.includes(traceId))));
  assert.equal(
    posts.some((post) => post.path === '/v1/traces' && post.body.includes('Unsampled')),
    false,
  );
});

test('metrics of plugins reach the collector with their kind, unit and labels', async () => {
  const { url, posts } = await collector();
  const telemetry = await start(url, quick);
  const point = (name: string, kind: 'COUNTER' | 'GAUGE' | 'HISTOGRAM', unit: string) => ({ name, kind, unit, value: 0.3, labels: {} });
  const points = [point('fetched', 'COUNTER', ''), point('cache', 'GAUGE', 'bytes'), point('run', 'HISTOGRAM', 'seconds')];
  assert.deepEqual(telemetry.custom.record(points, { plugin: 'geo' }), [undefined, undefined, undefined]);
  assert.ok(await eventually(() => posts.some((post) => post.body.includes('sboxagent_custom_run_seconds'))));
  const { resourceMetrics } = JSON.parse(posts.find((post) => post.body.includes('sboxagent_custom_run_seconds'))?.body ?? '');
  type Metric = {
    name: string;
    unit: string;
    sum?: { isMonotonic: boolean; dataPoints: object[] };
    gauge?: object;
    histogram?: { dataPoints: { count: number }[] };
  };
  const metrics: Metric[] = resourceMetrics.flatMap(({ scopeMetrics }: { scopeMetrics: { metrics: Metric[] }[] }) =>
    scopeMetrics.flatMap((scope) => scope.metrics),
  );
  const of = (name: string): Metric | undefined => metrics.find((metric) => metric.name === `sboxagent_custom_${name}`);
  assert.equal(of('fetched_total')?.sum?.isMonotonic, true);
  assert.ok(JSON.stringify(of('fetched_total')?.sum?.dataPoints).includes('"stringValue":"geo"'));
  assert.deepEqual([of('cache_bytes')?.unit, typeof of('cache_bytes')?.gauge], ['By', 'object']);
  assert.deepEqual([of('run_seconds')?.unit, Number(of('run_seconds')?.histogram?.dataPoints[0]?.count)], ['s', 1]);
});

test('a collector that does not answer, or is not there, costs bounded memory and a bounded stop', async () => {
  const sockets = new Set<Socket>();
  const hole = createTcpServer((socket) => void sockets.add(socket.on('error', () => undefined)));
  const url = await listen(hole);
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    hole.close();
  });
  for (const endpoint of [url, 'http://127.0.0.1:1']) {
    const telemetry = await start(endpoint, quick);
    for (let n = 0; n < 20_000; n++) telemetry.startCall(call).end('ok');
    await systemClock.sleep(300);
    const began = performance.now();
    await telemetry.stop();
    await telemetry.stop();
    assert.ok(performance.now() - began < 20_000, 'it waits for nobody longer than a few seconds');
  }
  assert.ok(sockets.size <= 4, `${sockets.size} connections`);
});

test('nothing is sent anywhere unless it is asked for', async () => {
  const telemetry = await start(undefined, {});
  telemetry.startCall(call).end('ok');
  const disabled = await start('http://127.0.0.1:1', { OTEL_SDK_DISABLED: 'true' });
  assert.equal(disabled.startCall(call).traceId, traceId);
  assert.equal(telemetry.startCall(call).span.isRecording(), false);
});

const program = `
const { startTelemetry } = await import(${JSON.stringify(new URL('../../src/telemetry/index.ts', import.meta.url).href)});
const { systemClock } = await import(${JSON.stringify(new URL('../../src/kernel/clock.ts', import.meta.url).href)});
const telemetry = await startTelemetry({ version: '1', commit: '', instanceName: 'x', logLevel: 'info', sampleRatio: 1, env: {}, clock: systemClock });
for (let n = 0; n < 2000; n++) telemetry.logger.info({ n }, 'line');
if (process.argv[1] === 'wait') for (let n = 0; n < 8; n++) { await systemClock.sleep(20); telemetry.logger.info({}, 'more'); }
if (process.argv[1] === 'exit') process.exit(0);
await telemetry.stop();
process.stderr.write('alive', () => process.exit(0));
`;

function run(mode: string): ReturnType<typeof spawn> {
  const keepAlive = mode === 'wait' ? 'setInterval(() => {}, 1000); setTimeout(() => process.exit(1), 60_000);' : '';
  return spawn(process.execPath, ['--input-type=module', '-e', `${keepAlive}${program}`, mode], { stdio: ['ignore', 'pipe', 'pipe'] });
}

test('every line is out when the program ends, also by process.exit', async () => {
  const ends = ['end', 'exit'].map(async (mode) => {
    const child = run(mode);
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
    });
    await once(child, 'close');
    const lines = text.trimEnd().split('\n');
    assert.equal(lines.length, 2000, mode);
    assert.equal(JSON.parse(lines.at(-1) ?? '').n, 1999);
  });
  await Promise.all(ends);
});

test('a reader of stdout that goes does not end the program', async () => {
  const child = run('wait');
  child.stdout?.once('data', () => child.stdout?.destroy());
  let told = '';
  child.stderr?.on('data', (chunk) => {
    told += chunk;
  });
  const [code] = await once(child, 'close');
  assert.deepEqual([code, told], [0, 'alive']);
});
