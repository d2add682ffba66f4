/** The four engines with a config each that carries traffic, for tests that run them under a real daemon. */

import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { EngineName } from '../../src/settings/types.ts';
import { type Daemon, makeDaemon, root, runProgram, until } from './daemon.ts';
import { freePort } from './free-port.ts';

/** Where the fake engines are: they take the real ones' arguments and carry traffic like them. */
export const fakePath = [join(root, 'test/fixtures/processes/bin'), dirname(process.execPath), process.env['PATH']].join(delimiter);

export interface Edge {
  readonly engine: EngineName;
  /** Id of its unit: the engine's name. */
  readonly id: string;
  readonly port: number;
  readonly path: string;
  readonly args: readonly string[];
  /** A config that carries traffic, with a word that tells it from another; `ports` are listened on as well. */
  good(word: string, ports?: readonly number[]): Readonly<Record<string, unknown>>;
  /** A config as the engine's file has it. */
  text(config: object): string;
}

const configs: Readonly<Record<EngineName, (port: number, word: string, more: readonly number[]) => Readonly<Record<string, unknown>>>> = {
  'sing-box': (port, word, more) => ({
    log: { level: 'info' },
    inbounds: [port, ...more].map((one, i) => ({
      type: 'mixed',
      tag: i === 0 ? word : `in-${i}`,
      listen: '127.0.0.1',
      listen_port: one,
    })),
    outbounds: [{ type: 'direct', tag: 'out' }],
  }),
  xray: (port, word, more) => ({
    log: { loglevel: 'warning' },
    inbounds: [port, ...more].map((one, i) => ({
      tag: i === 0 ? word : `in-${i}`,
      protocol: 'http',
      listen: '127.0.0.1',
      port: one,
    })),
    outbounds: [{ protocol: 'freedom', tag: 'out' }],
  }),
  mihomo: (port, word, more) => ({
    'mixed-port': port,
    'log-level': 'info',
    ...(more[0] === undefined ? {} : { 'socks-port': more[0] }),
    rules: [`MATCH,${word}`],
  }),
  hysteria: (port, word, more) => ({
    server: `${word}.example:443`,
    auth: 'not-a-secret-of-anybody',
    http: { listen: `127.0.0.1:${port}` },
    ...(more[0] === undefined ? {} : { socks5: { listen: `127.0.0.1:${more[0]}` } }),
  }),
};

export async function makeEdge(engine: EngineName, dir: string): Promise<Edge> {
  const port = await freePort();
  const isYaml = engine === 'mihomo' || engine === 'hysteria';
  return {
    engine,
    id: engine,
    port,
    path: join(dir, `${engine}.${isYaml ? 'yaml' : 'json'}`),
    args: engine === 'hysteria' ? ['client'] : [],
    good: (word, ports = []) => configs[engine](port, word, ports),
    text: (config) => (isYaml ? stringify(config) : JSON.stringify(config, undefined, 2)),
  };
}

export interface Wire {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface ApplyJson {
  readonly id: string;
  readonly result: string;
  readonly phase: string;
  readonly from_revision: number;
  readonly revision: number;
  readonly running_revision: number;
  readonly engine_output: readonly string[];
  readonly violations: readonly { readonly path: string; readonly rule: string; readonly message: string }[];
  readonly steps: readonly { readonly name: string; readonly status: string; readonly message: string }[];
  readonly diff: string;
}

export interface View {
  readonly state: string;
  readonly pid: number;
  readonly config_revision: number;
  readonly reason: string;
}

/** A daemon that runs some of the engines, and an origin behind them. */
export interface EdgeBench extends AsyncDisposable {
  readonly daemon: Daemon;
  readonly edges: readonly Edge[];
  readonly originPort: number;
  /** What a fake engine was asked to check or to run, a line each: `mihomo check`. */
  asked(): string;
  put(edge: Edge, config: object | string, more?: Readonly<Record<string, unknown>>): Promise<Wire>;
  /** The apply that an error is about, whole. */
  applyOf(answer: Wire): Promise<ApplyJson>;
  view(edge: Edge): Promise<View>;
  isReady(edge: Edge): Promise<void>;
  /** Whether a request through the engine arrives. */
  passes(edge: Edge): Promise<boolean>;
  /** A download of about three seconds through the engine; answers curl's code and the bytes that arrived. */
  download(edge: Edge): Promise<{ readonly code: number | null; readonly bytes: number }>;
  /** How many events of a type there are of an engine. */
  count(type: string, edge: Edge): Promise<number>;
}

export interface EdgeBenchOptions {
  readonly engines: readonly EngineName[];
  readonly path?: string;
  /** Laid over each unit. */
  readonly unit?: Readonly<Record<string, unknown>>;
  /** Called before anything is made: answers the directory of the configs. Default: the daemon's own. */
  readonly prepare?: (daemon: Daemon) => string;
}

const slowChunks = 30;
const chunk = Buffer.alloc(10_000, 'x');
export const downloadBytes = slowChunks * chunk.byteLength;

async function openOrigin(): Promise<{ readonly origin: Server; readonly port: number }> {
  const origin = createServer(async (req, res) => {
    if (req.url !== '/slow') return res.end(`through ${req.url}`);
    for (let i = 0; i < slowChunks && !res.destroyed; i++) {
      res.write(chunk);
      await sleep(100);
    }
    return res.end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => origin.once('listening', resolve));
  const address = origin.address();
  return { origin, port: typeof address === 'object' ? (address?.port ?? 0) : 0 };
}

/** Starts the daemon, and waits until each engine is READY. */
export async function openEdges({ engines, path = fakePath, unit = {}, prepare }: EdgeBenchOptions): Promise<EdgeBench> {
  const { origin, port: originPort } = await openOrigin();
  const daemon = await makeDaemon({ env: { PATH: path } });
  const configDir = prepare?.(daemon) ?? daemon.dir;
  const edges = await Promise.all(engines.map((engine) => makeEdge(engine, configDir)));
  const askedPath = join(daemon.dir, 'asked');
  writeFileSync(askedPath, '');
  const probe = {
    proxy: { url: `http://127.0.0.1:${originPort}/probe`, status: ['200'] },
    period: '150ms',
    // One answer that a busy machine is late with is no reason to take a good config back.
    timeout: '3s',
    failure_threshold: 2,
  };
  const apply = { ready_within: '20s', soak: '300ms', probe };
  const units = Object.fromEntries(
    edges.map((edge) => {
      const { engine, id, args } = edge;
      return [
        id,
        {
          engine,
          args,
          config_path: edge.path,
          autostart: true,
          stop: { grace: '1s' },
          apply,
          env: { FAKE_ENGINE_ASKED: askedPath },
          ...unit,
        },
      ];
    }),
  );
  for (const edge of edges) writeFileSync(edge.path, edge.text(edge.good('first')), { mode: 0o600 });
  const base = JSON.parse(readFileSync(daemon.configPath, 'utf8')) as object;
  writeFileSync(daemon.configPath, JSON.stringify({ ...base, processes: { units } }), { mode: 0o600 });
  const view = async ({ id }: Edge): Promise<View> => (await daemon.rest('GET', `/api/v1/processes/${id}`)).json as View;
  const isReady = async (edge: Edge): Promise<void> => {
    let seen: View | undefined;
    const looks = async (): Promise<boolean> => {
      seen = await view(edge);
      return seen.state === 'READY';
    };
    await until(`${edge.id} to be READY`, looks).catch((error: unknown) => {
      throw new Error(`${edge.id} did not become READY: ${JSON.stringify(seen)}`, { cause: error });
    });
  };
  const bench: EdgeBench = {
    ...{ daemon, edges, originPort, view, isReady },
    asked: () => readFileSync(askedPath, 'utf8'),
    async put(edge, config, more = {}) {
      const content = typeof config === 'string' ? config : edge.text(config);
      return (await daemon.rest('PUT', `/api/v1/processes/${edge.id}/config`, { content, ...more })) as Wire;
    },
    async applyOf({ json }) {
      const details = json['details'] as readonly Readonly<Record<string, unknown>>[];
      const info = details.find((one) => String(one['@type']).endsWith('ErrorInfo'));
      const id = (info?.['metadata'] as Readonly<Record<string, string>>)['apply_id'];
      return (await daemon.rest('GET', `/api/v1/applies/${id}`)).json as ApplyJson;
    },
    async passes({ port }) {
      const ran = await runProgram(curl(port, ['-m', '4', `http://127.0.0.1:${originPort}/x`]));
      return ran.code === 0 && ran.stdout === 'through /x';
    },
    async download({ port }) {
      const what = ['-m', '60', '-o', '/dev/null', '-w', '%{size_download}', `http://127.0.0.1:${originPort}/slow`];
      const { code, stdout } = await runProgram(curl(port, what), { timeoutMs: 70_000 });
      return { code, bytes: Number(stdout) };
    },
    async count(type, { id }) {
      const { json } = await daemon.rest('GET', `/api/v1/events?filter.types=${type}&filter.subjects=${id}&page_size=1000`);
      return (json as { events: readonly unknown[] }).events.length;
    },
    async [Symbol.asyncDispose]() {
      for (const { id } of edges) await daemon.rest('DELETE', `/api/v1/processes/${id}`).catch(() => undefined);
      origin.close();
      origin.closeAllConnections();
      await daemon.dispose();
    },
  };
  try {
    await daemon.start();
    await Promise.all(edges.map(isReady));
    return bench;
  } catch (error) {
    await bench[Symbol.asyncDispose]();
    throw error;
  }
}

function curl(port: number, more: readonly string[]): readonly string[] {
  return ['curl', '-s', '--noproxy', '', '-x', `http://127.0.0.1:${port}`, ...more];
}
