/** A daemon with something of every kind in it, so that every series of its metrics is there: what dashboards and rules are tried on. */

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Daemon, foreign, makeDaemon, until } from './daemon.ts';
import { freePort } from './free-port.ts';
import { makeNatsServer, natsServer } from './nats-server.ts';
import { register, session } from './plugin-client.ts';
import { fakePath } from './proxy-edges.ts';

export interface BusyAgent {
  readonly daemon: Daemon;
  /** Id of the unit that carries traffic. */
  readonly edge: string;
  /** Address of the NATS server of its fleet, where there is one. */
  readonly fleet: string | undefined;
  /** Bytes that one `download` brings. */
  readonly bytes: number;
  /** Fetches a page of `bytes` bytes through the edge. */
  download(): Promise<void>;
  /** One round of what happens on a busy day: calls, events, a plugin's report, traffic. */
  round(n: number): Promise<void>;
  /** Ends what it started. */
  dispose(): Promise<void>;
}

const bytes = 2_000_000;

/** Starts it with a real sing-box where there is one, else with the fake that stands in for it. */
export async function startBusyAgent({ collectionInterval = '1s' } = {}): Promise<BusyAgent> {
  const origin = createServer((request, response) => {
    request.resume();
    response.end(request.method === 'POST' ? '' : Buffer.alloc(bytes, 'x'));
  });
  const originUrl = await listen(origin);
  const [port, apiPort] = [await freePort(), await freePort()];
  const singBox = foreign('sing-box');
  const nats = natsServer === undefined ? undefined : await makeNatsServer();
  await nats?.start();
  const daemon = await makeDaemon({
    config: configuration({ collectionInterval, hook: `${originUrl}/hook`, fleet: nats?.url }),
    env: { PATH: singBox === undefined ? fakePath : [dirname(singBox), process.env['PATH']].join(delimiter) },
  });
  const engineConfig = join(daemon.dir, 'edge.json');
  writeFileSync(engineConfig, JSON.stringify(edgeConfig(port, apiPort)), { mode: 0o600 });
  await daemon.start();
  await until('the edge', async () => (await stateOf(daemon, 'edge')) === 'READY');
  const plugin = await register(daemon, { id: 'remote', name: 'remote', kind: 'REMOTE' }, { lease: '600s' });
  const watching = watch(daemon);
  const download = async (): Promise<void> => {
    await promisify(execFile)('curl', ['-sf', '-o', '/dev/null', '-m', '20', '--noproxy', '', '-x', `http://127.0.0.1:${port}`, originUrl]);
  };
  const publish = async (type: string, data: object): Promise<unknown> =>
    daemon.rest('POST', '/api/v1/events', { type, source: plugin.id, data });
  await daemon.rest('PUT', '/api/v1/processes/edge/config', { content: JSON.stringify(edgeConfig(port, apiPort, 'info')) });
  return {
    ...{ daemon, edge: 'edge', fleet: nats?.url, bytes, download },
    async round(n) {
      await Promise.all([
        daemon.rest('GET', '/api/v1/processes'),
        daemon.rest('GET', '/api/v1/status'),
        daemon.rest('GET', '/api/v1/status', undefined, { authorization: 'Bearer no-such-token-no-such-token-no-such-token' }),
        publish('subscription.fetched', { duration_ms: 120 + n }),
        publish('config.generated', { status: 'completed' }),
        publish('plugin.error', { message: 'no mirror' }),
        plugin.renew(),
        session(daemon, 'RecordMetrics', {
          plugin_id: plugin.id,
          session_id: plugin.sessionId,
          points: [{ name: 'downloads', kind: 'COUNTER', value: 1, labels: { mirror: 'eu' } }],
        }),
        download(),
      ]);
    },
    async dispose() {
      watching();
      await daemon.dispose();
      await nats?.dispose();
      origin.close().closeAllConnections();
    },
  };
}

interface Wish {
  readonly collectionInterval: string;
  readonly hook: string;
  /** Address of a NATS server, where there is one. */
  readonly fleet: string | undefined;
}

function configuration(of: Wish): Record<string, unknown> {
  const sleeper = { command: ['/bin/sh', '-c', 'echo up; exec sleep 600'], autostart: true, on_agent_exit: 'stop' };
  return {
    api: { metrics: { collection_interval: of.collectionInterval }, security: { rate_limit: { enabled: false } } },
    fleet: { servers: of.fleet === undefined ? [] : [of.fleet] },
    processes: {
      units: {
        edge: { engine: 'sing-box', config_path: 'edge.json', autostart: true, on_agent_exit: 'stop', restart: { policy: 'always' } },
        worker: sleeper,
        broken: { command: ['/bin/false'], autostart: true, restart: { policy: 'on-failure', base: '100ms', burst: 3 } },
      },
    },
    plugins: {
      units: {
        geo: { ...sleeper, probes: { readiness: { exec: { command: ['/bin/true'] }, period: '1s' } } },
      },
    },
    alerts: {
      rules: [
        { name: 'fetching', event: { types: ['plugin.error'] }, count: 1, window: '1m', severity: 'WARNING', summary: 'Fetching fails' },
      ],
      webhooks: [{ name: 'ops', url: of.hook, format: 'json' }],
    },
    sboxmgr: { schedule: { enabled: true, command: ['/bin/echo', 'done'], interval: '5s', run_at_start: true } },
  };
}

/** A proxy that only this machine reaches, with the API that its figures are read from. */
function edgeConfig(port: number, apiPort: number, level = 'warn'): object {
  return {
    log: { level },
    inbounds: [{ type: 'mixed', tag: 'in', listen: '127.0.0.1', listen_port: port }],
    outbounds: [{ type: 'direct', tag: 'out' }],
    experimental: { clash_api: { external_controller: `127.0.0.1:${apiPort}`, secret: 'only-for-this-test' } },
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function stateOf(daemon: Daemon, id: string): Promise<string> {
  return String(((await daemon.rest('GET', `/api/v1/processes/${id}`)).json as { state?: string }).state);
}

/** Holds a watch of events open. Answers how to end it. */
function watch(daemon: Daemon): () => void {
  const socket = connect(daemon.port, '127.0.0.1');
  socket.on('error', () => {}).resume();
  socket.write(`GET /api/v1/events:watch HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${daemon.token()}\r\n\r\n`);
  return () => socket.destroy();
}
