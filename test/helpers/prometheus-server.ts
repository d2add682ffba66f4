/** deploy/compose/run as a user starts it, beside a daemon of a test: a real Prometheus and Alertmanager with the rules that are shipped. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Daemon, foreign, program, root, until } from './daemon.ts';
import { freePort } from './free-port.ts';

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PrometheusServer {
  readonly alertmanager: string | undefined;
  /** An answer of its HTTP API (`/api/v1/…`); throws what it says where it refuses. */
  get(path: string, query?: Readonly<Record<string, string>>): Promise<unknown>;
  /** An instant query, of now or of another moment. */
  query(expr: string, atMs?: number): Promise<readonly Sample[]>;
  /** What the script said. */
  said(): string;
  dispose(): Promise<void>;
}

export async function startPrometheus(daemon: Daemon, interval: string): Promise<PrometheusServer> {
  const data = mkdtempSync(join(tmpdir(), 'sboxagent-prometheus-'));
  const [port, alertmanagerPort] = [await freePort(), await freePort()];
  const env = {
    ...process.env,
    PATH: `${join(program, '..')}:${process.env['PATH']}`,
    AGENT: `127.0.0.1:${daemon.port}`,
    PROMETHEUS_PORT: String(port),
    ALERTMANAGER_PORT: String(alertmanagerPort),
    INTERVAL: interval,
    DATA: data,
  };
  const child: ChildProcess = spawn(join(root, 'deploy/compose/run'), ['--state-dir', daemon.stateDir], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-8000)));
  const base = `http://127.0.0.1:${port}`;
  const get = async (path: string, query: Readonly<Record<string, string>> = {}): Promise<unknown> => {
    const answer = await fetch(`${base}/api/v1/${path}?${new URLSearchParams(query)}`);
    const json = (await answer.json()) as { status: string; data: unknown; error?: string };
    if (json.status !== 'success') throw new Error(`${path} ${JSON.stringify(query)}: ${json.error}`);
    return json.data;
  };
  await until(`Prometheus: ${said}`, async () => {
    if (child.exitCode !== null) throw new Error(`it ended: ${said}`);
    return (await fetch(`${base}/-/ready`)).ok;
  });
  return {
    alertmanager: (foreign('prometheus-alertmanager') ?? foreign('alertmanager')) ? `http://127.0.0.1:${alertmanagerPort}` : undefined,
    get,
    async query(expr, atMs = Date.now()) {
      const { resultType, result } = (await get('query', { query: expr, time: String(atMs / 1000) })) as {
        resultType: string;
        result: readonly { metric: Record<string, string>; value: [number, string] }[] | [number, string];
      };
      if (resultType === 'scalar') return [{ metric: {}, value: Number(result[1]) }];
      return (result as readonly { metric: Record<string, string>; value: [number, string] }[]).map(({ metric, value }) => ({
        metric,
        value: Number(value[1]),
      }));
    },
    said: () => said,
    async dispose() {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      rmSync(data, { recursive: true, force: true });
    },
  };
}
