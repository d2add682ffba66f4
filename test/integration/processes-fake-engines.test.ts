import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { AgentError } from '../../src/kernel/errors.ts';
import { engines } from '../../src/processes/engines/index.ts';
import { type EngineName, engineNames, type UnitProbe, type UnitSettings } from '../../src/settings/types.ts';
import { type Bench, bench, type Rig, start, unit, until } from '../fixtures/processes/rig.ts';
import { freePort } from '../helpers/free-port.ts';

const fakes = [fileURLToPath(new URL('../fixtures/processes/bin', import.meta.url)), dirname(process.execPath), process.env['PATH']].join(
  delimiter,
);
const numbers = { initialDelayMs: 0, periodMs: 200, timeoutMs: 1000, successThreshold: 1, failureThreshold: 2 };
const none = { startup: undefined, readiness: undefined, liveness: undefined };

async function through(t: TestContext): Promise<UnitProbe> {
  const server = createHttp((_, response) => response.writeHead(204).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { ...numbers, action: { kind: 'proxy', url, via: undefined, statuses: [{ from: 204, to: 204 }] } };
}

/** One proxy with a user and an API, in the words of each engine. */
const configs: Readonly<Record<EngineName, (port: number, api: number, fake: object) => object>> = {
  'sing-box': (port, api, fake) => ({
    fake,
    inbounds: [{ type: 'mixed', listen: '127.0.0.1', listen_port: port, users: [{ username: 'me', password: 'pw' }] }],
    experimental: { clash_api: { external_controller: `127.0.0.1:${api}`, secret: 's' } },
  }),
  xray: (port, api, fake) => ({
    fake,
    inbounds: [{ protocol: 'http', listen: '127.0.0.1', port, settings: { accounts: [{ user: 'me', pass: 'pw' }] } }],
    metrics: { tag: 'm', listen: `127.0.0.1:${api}` },
  }),
  mihomo: (port, api, fake) => ({
    fake,
    'mixed-port': port,
    authentication: ['me:pw'],
    'external-controller': `127.0.0.1:${api}`,
    secret: 's',
  }),
  hysteria: (port, api, fake) => ({
    fake,
    server: 'x:443',
    http: { listen: `127.0.0.1:${port}`, username: 'me', password: 'pw' },
    trafficStats: { listen: `127.0.0.1:${api}`, secret: 's' },
  }),
};

interface Case {
  readonly rig: Rig;
  put(fake: object): void;
}

async function engine(b: Bench, name: EngineName, fake: object, over: Partial<UnitSettings> = {}): Promise<Case> {
  const configPath = join(b.directory, 'config.json');
  const [port, api] = [await freePort(), await freePort()];
  const put = (next: object): void => writeFileSync(configPath, JSON.stringify(configs[name](port, api, next)));
  put(fake);
  const rig = b.rig([unit('edge', { engine: name, configPath, ...over })], {
    path: fakes,
    environment: { ...process.env, PATH: fakes },
    figuresEveryMs: 200,
  });
  return { rig, put };
}

for (const name of engineNames) {
  test(`${name}: READY when traffic passes, found out when it does not, its API asked, its lines read`, async (t) => {
    await using b = bench();
    const liveness: UnitProbe = { ...numbers, action: { kind: 'engine' } };
    const { rig, put } = await engine(b, name, {}, { probes: { ...none, readiness: await through(t), liveness } });
    assert.equal((await rig.supervisor.start('edge', { ...start, waitFor: 'READY' })).state, 'READY');
    await until(() => false, 600);
    assert.equal(rig.supervisor.get('edge').restartCount, 0, 'its API answers');
    const figure = (what: string): readonly unknown[] => rig.sample(`sboxagent_engine_${what}`);
    assert.deepEqual(figure('transmit_bytes_total'), [{ value: 7, labels: { process: 'edge' } }]);
    assert.deepEqual(figure('receive_bytes_total'), [{ value: 5, labels: { process: 'edge' } }]);
    assert.deepEqual(figure('connections'), name === 'xray' ? [] : [{ value: 2, labels: { process: 'edge' } }]);
    put({ no_traffic: true });
    assert.equal((await rig.supervisor.restart('edge')).state, 'RUNNING');
    assert.ok(
      await until(() => JSON.stringify(figure('transmit_bytes_total')).includes('14')),
      'an engine counts anew, the total does not',
    );
    assert.deepEqual(figure('receive_bytes_total'), [{ value: 10, labels: { process: 'edge' } }]);
    assert.ok(await until(() => /no answer within/.test(rig.supervisor.get('edge').message)));
    const lines = ['stdout', 'stderr'].flatMap((file) => readFileSync(join(rig.stateDir, `units/edge/${file}.log`), 'utf8').split('\n'));
    const mark = lines.find((line) => engines[name].startupMark.test(line)) ?? '';
    assert.ok(engines[name].parse(mark).level, mark);
  });

  test(`${name}: a slow start is waited for, a failed one tells the engine's sentence, TERM may be ignored`, async () => {
    await using b = bench();
    const { rig, put } = await engine(b, name, { slow_start: 400, ignores_term: true }, { stop: { signal: 'SIGTERM', graceMs: 300 } });
    await rig.supervisor.start('edge', start);
    assert.equal((await rig.supervisor.stop('edge', {})).exit?.signal, 'SIGKILL');
    put({ fails_run: 'rule-set: connection refused' });
    await assert.rejects(
      rig.supervisor.start('edge', start),
      (e: AgentError) => e.reason === 'START_FAILED' && /rule-set: connection refused/.test(e.message),
    );
  });
}

test('a port that another engine holds is told by the engine, with its own code', async () => {
  for (const name of engineNames) {
    await using b = bench();
    const { rig } = await engine(b, name, {});
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    writeFileSync(join(b.directory, 'config.json'), JSON.stringify(configs[name](port, await freePort(), {})));
    await assert.rejects(
      rig.supervisor.start('edge', start),
      (e: AgentError) => /address already in use/.test(e.message) && e.metadata['exit_code'] === (name === 'xray' ? '255' : '1'),
    );
    holder.close();
  }
});
