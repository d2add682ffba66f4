import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { AgentError } from '../../src/kernel/errors.ts';
import { findBinary } from '../../src/processes/binary.ts';
import type { EngineName, UnitProbe, UnitProbeAction, UnitSettings } from '../../src/settings/types.ts';
import { type Bench, bench, type Rig, start, unit, until } from '../fixtures/processes/rig.ts';
import { freePort } from '../helpers/free-port.ts';

const real = process.env['PATH'] ?? '';
const lacks = (name: EngineName): string | false => (findBinary(name, real, '/') === undefined ? `there is no ${name} on PATH` : false);
const none = { startup: undefined, readiness: undefined, liveness: undefined };
const probe = (action: UnitProbeAction): UnitProbe => ({
  action,
  initialDelayMs: 0,
  periodMs: 200,
  timeoutMs: 1000,
  successThreshold: 1,
  failureThreshold: 1,
});

async function web(t: TestContext): Promise<UnitProbeAction> {
  const server = createHttp((_, response) => response.writeHead(204).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { kind: 'proxy', url, via: undefined, statuses: [{ from: 204, to: 204 }] };
}

/** The same proxy in the words of each engine: one user, traffic that passes or is dropped, an API, a log level. */
interface Wish {
  readonly port: number;
  readonly passes: boolean;
  readonly level: string;
  readonly apiPort?: number;
}

const configs: Readonly<Record<'sing-box' | 'xray', (wish: Wish) => object>> = {
  'sing-box': ({ port, passes, level, apiPort }) => ({
    log: { level },
    inbounds: [{ type: 'mixed', listen: '127.0.0.1', listen_port: port, users: [{ username: 'me', password: 'secret-1' }] }],
    outbounds: [{ type: 'direct' }],
    route: { rules: passes ? [] : [{ network: ['tcp'], action: 'reject', method: 'drop' }] },
    ...(apiPort === undefined ? {} : { experimental: { clash_api: { external_controller: `127.0.0.1:${apiPort}`, secret: 'secret-2' } } }),
  }),
  xray: ({ port, passes, level, apiPort }) => ({
    log: { loglevel: level },
    inbounds: [
      {
        tag: 'in',
        protocol: 'socks',
        listen: '127.0.0.1',
        port,
        settings: { auth: 'password', accounts: [{ user: 'me', pass: 'secret-1' }] },
      },
    ],
    outbounds: [{ protocol: passes ? 'freedom' : 'blackhole' }],
    ...(apiPort === undefined
      ? {}
      : {
          stats: {},
          policy: { system: { statsInboundUplink: true, statsInboundDownlink: true } },
          api: { tag: 'api', listen: `127.0.0.1:${apiPort}`, services: ['StatsService'] },
        }),
  }),
};

function engine(b: Bench, name: EngineName, config: object, probes: Partial<UnitSettings['probes']> = {}): Rig {
  const configPath = join(b.directory, 'config.json');
  writeFileSync(configPath, JSON.stringify(config));
  return b.rig([unit('edge', { engine: name, configPath, probes: { ...none, ...probes }, onAgentExit: 'keep' })], {
    path: real,
    figuresEveryMs: 200,
  });
}

for (const name of ['sing-box', 'xray'] as const) {
  test(`${name}: READY when traffic passes through its own inbound with its own user, RUNNING when none does`, {
    skip: lacks(name),
  }, async (t) => {
    await using b = bench();
    const port = await freePort();
    const readiness = probe(await web(t));
    const rig = engine(b, name, configs[name]({ port, passes: true, level: 'info' }), { readiness });
    assert.equal((await rig.supervisor.start('edge', { ...start, waitFor: 'READY' })).state, 'READY');
    writeFileSync(join(b.directory, 'config.json'), JSON.stringify(configs[name]({ port, passes: false, level: 'info' })));
    assert.equal((await rig.supervisor.restart('edge')).state, 'RUNNING');
    const told = await until(() => /its readiness probe fails/.test(rig.supervisor.get('edge').message));
    assert.ok(told, JSON.stringify(rig.supervisor.get('edge')));
    writeFileSync(join(b.directory, 'config.json'), JSON.stringify(configs[name]({ port, passes: true, level: 'info' })));
    await rig.supervisor.reload('edge');
    assert.ok(await until(() => rig.supervisor.get('edge').state === 'READY'));
  });

  test(`${name}: at a quiet level its listeners prove its start, and its API answers`, { skip: lacks(name) }, async () => {
    await using b = bench();
    const [port, apiPort] = [await freePort(), await freePort()];
    const level = name === 'xray' ? 'error' : 'warn';
    const rig = engine(b, name, configs[name]({ port, apiPort, passes: true, level }), { readiness: probe({ kind: 'engine' }) });
    assert.equal((await rig.supervisor.start('edge', { ...start, waitFor: 'READY' })).state, 'READY');
  });

  test(`${name}: a port that is taken fails the start with the engine's own sentence`, { skip: lacks(name) }, async (t) => {
    await using b = bench();
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    t.after(() => holder.close());
    const { port } = holder.address() as AddressInfo;
    const rig = engine(b, name, configs[name]({ port, passes: true, level: 'info' }));
    await assert.rejects(rig.supervisor.start('edge', start), (e: AgentError) => /address already in use/.test(e.message));
  });
}

/** sing-box has two APIs that count: that of Clash, and since 1.14 a gRPC service of its own. */
function withService({ apiPort, ...wish }: Wish): object {
  const service = { type: 'api', listen: '127.0.0.1', listen_port: apiPort, secret: 'secret-3' };
  return { ...configs['sing-box'](wish), services: [service] };
}

const counting = [
  { title: 'sing-box', name: 'sing-box', make: configs['sing-box'] },
  { title: 'sing-box by its gRPC service', name: 'sing-box', make: withService },
  { title: 'xray', name: 'xray', make: configs.xray },
] as const;

for (const { title, name, make } of counting) {
  test(`${title}: its figures are read by its own API, and by no other`, { skip: lacks(name) }, async (t) => {
    await using b = bench();
    const [port, apiPort] = [await freePort(), await freePort()];
    const rig = engine(b, name, make({ port, apiPort, passes: true, level: 'info' }), { readiness: probe(await web(t)) });
    await rig.supervisor.start('edge', { ...start, waitFor: 'READY' });
    const transmitted = (): number => rig.sample('sboxagent_engine_transmit_bytes_total')[0]?.value ?? 0;
    const received = (): number => rig.sample('sboxagent_engine_receive_bytes_total')[0]?.value ?? 0;
    assert.ok(await until(() => transmitted() > 0 && received() > 0));
    const before = transmitted();
    await rig.supervisor.stop('edge', {});
    assert.ok(transmitted() >= before, 'what was counted stays');
    assert.deepEqual(rig.sample('sboxagent_engine_connections'), []);
  });

  test(`${title}: a download of a known size is in its counter, within one percent, and stays over a restart of engine and agent`, {
    skip: lacks(name),
  }, async (t) => {
    await using b = bench();
    const bytes = 40_000_000;
    const file = createHttp((_, response) => response.end(Buffer.alloc(bytes, 'x'))).listen(0, '127.0.0.1');
    await once(file, 'listening');
    t.after(() => file.close().closeAllConnections());
    const url = `http://127.0.0.1:${(file.address() as AddressInfo).port}/`;
    const [port, apiPort] = [await freePort(), await freePort()];
    const config = make({ port, apiPort, passes: true, level: 'info' });
    const rig = engine(b, name, config);
    await rig.supervisor.start('edge', start);
    const download = async (): Promise<void> => {
      const args = ['-s', '-o', '/dev/null', '-w', '%{size_download}', '-x', `socks5h://me:secret-1@127.0.0.1:${port}`, url];
      assert.equal((await promisify(execFile)('curl', args)).stdout, String(bytes));
    };
    const received = (from: Rig): number => from.sample('sboxagent_engine_receive_bytes_total')[0]?.value ?? 0;
    const counts = (from: Rig, downloads: number): Promise<boolean> =>
      until(() => Math.abs(received(from) - downloads * bytes) < 0.01 * bytes * downloads);
    await download();
    assert.ok(await counts(rig, 1), `${received(rig)}`);
    await rig.supervisor.restart('edge');
    await download();
    assert.ok(await counts(rig, 2), `${received(rig)}`);
    await rig.supervisor.stopAll(1000);
    await download();
    const next = engine(b, name, config);
    await next.supervisor.startAll();
    assert.ok(await counts(next, 3), `${received(next)}`);
  });
}
