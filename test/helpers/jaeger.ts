import { spawn } from 'node:child_process';
import { until } from './daemon.ts';
import { freePort } from './free-port.ts';

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

export interface JaegerSpan {
  readonly spanID: string;
  readonly operationName: string;
  readonly references: readonly { readonly spanID: string }[];
}

export interface Jaeger {
  /** Base URL for OTLP over HTTP. */
  readonly otlp: string;
  spansOf(traceId: string): Promise<readonly JaegerSpan[]>;
  stop(): void;
}

/** Runs a real Jaeger in memory, on loopback ports of its own. */
export async function startJaeger(binary: string): Promise<Jaeger> {
  const ports = await Promise.all(flags.map(() => freePort()));
  const child = spawn(
    binary,
    flags.map((flag, i) => `--${flag}=127.0.0.1:${ports[i]}`),
    { stdio: 'ignore', env: { ...process.env, SPAN_STORAGE_TYPE: 'memory' } },
  );
  const query = `http://127.0.0.1:${ports[2]}`;
  try {
    await until('Jaeger', async () => (await fetch(`${query}/api/services`)).ok);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return {
    otlp: `http://127.0.0.1:${ports[0]}`,
    async spansOf(traceId) {
      const answer = await fetch(`${query}/api/traces/${traceId}`);
      const { data } = (await answer.json()) as { data: readonly { spans: readonly JaegerSpan[] }[] | null };
      return data?.[0]?.spans ?? [];
    },
    stop: () => void child.kill('SIGKILL'),
  };
}
