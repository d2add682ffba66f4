import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { AgentError } from '../../src/kernel/errors.ts';
import type { UnitProbe, UnitProbeAction, UnitSettings } from '../../src/settings/types.ts';
import { type Bench, bench, type Rig, sh, start, unit, until } from '../fixtures/processes/rig.ts';
import { freePort } from '../helpers/free-port.ts';

const fakes = [fileURLToPath(new URL('../fixtures/processes/bin', import.meta.url)), dirname(process.execPath), process.env['PATH']].join(
  delimiter,
);
const none = { startup: undefined, readiness: undefined, liveness: undefined };
const numbers = { initialDelayMs: 0, periodMs: 100, timeoutMs: 1000, successThreshold: 1, failureThreshold: 3 };
const probe = (action: UnitProbeAction, over: Partial<UnitProbe> = {}): UnitProbe => ({ ...numbers, ...over, action });
/** Succeeds while the file is there. */
const file = (path: string): UnitProbeAction => ({ kind: 'exec', command: ['test', '-e', path] });
const probes = (over: Partial<UnitSettings['probes']>): Partial<UnitSettings> => ({ probes: { ...none, ...over } });

test('readiness moves between RUNNING and READY with its reason, and never restarts', async () => {
  await using b = bench();
  const flag = join(b.directory, 'ready');
  const { supervisor, story } = b.rig([sh('u', 'sleep 60', probes({ readiness: probe(file(flag), { failureThreshold: 2 }) }))]);
  const first = await supervisor.start('u', start);
  assert.deepEqual([first.state, first.reason], ['RUNNING', 'NOT_READY']);
  assert.match(first.message, /readiness probe/);
  writeFileSync(flag, '');
  assert.ok(await until(() => supervisor.get('u').state === 'READY'));
  assert.equal(supervisor.get('u').reason, '');
  rmSync(flag);
  assert.ok(await until(() => supervisor.get('u').state === 'RUNNING'));
  const failed = supervisor.get('u');
  assert.deepEqual([failed.reason, failed.pid], ['NOT_READY', first.pid]);
  assert.match(failed.message, /u is not ready: its readiness probe fails: exit code 1/);
  assert.deepEqual([supervisor.health().status, supervisor.health().message], ['DEGRADED', `u is in RUNNING: ${failed.message}`]);
  writeFileSync(flag, '');
  assert.ok(await until(() => supervisor.get('u').state === 'READY'));
  assert.deepEqual([supervisor.get('u').pid, supervisor.health().status], [first.pid, 'HEALTHY']);
  assert.deepEqual(
    story('u').filter((type) => type === 'exited' || type === 'restarting'),
    [],
  );
});

test('failed liveness restarts with reason LIVENESS_PROBE, by the policy', async () => {
  await using b = bench();
  const flag = join(b.directory, 'alive');
  writeFileSync(flag, '');
  const restart = { restart: { policy: 'always' } } as Partial<UnitSettings>;
  const { supervisor, event, story } = b.rig([
    sh('u', `echo up >${flag}; sleep 60`, { ...restart, ...probes({ liveness: probe(file(flag)) }) }),
  ]);
  const { pid } = await supervisor.start('u', start);
  assert.ok(await until(() => readFileSync(flag, 'utf8') !== ''));
  rmSync(flag);
  assert.ok(await until(() => supervisor.get('u').restartCount === 1 && supervisor.get('u').state === 'READY'));
  assert.notEqual(supervisor.get('u').pid, pid);
  assert.equal(event('u', 'exited')?.data?.['reason'], 'LIVENESS_PROBE');
  assert.match(String(event('u', 'exited')?.data?.['message']), /failed its liveness probe 3 times in a row: exit code 1/);
  assert.deepEqual(story('u').slice(3, 7), ['exited', 'restarting', 'starting', 'started']);
});

test('startup holds the other two back; out of tries it is a failed start', async () => {
  await using b = bench();
  const flag = join(b.directory, 'up');
  const alive = probe(file(join(b.directory, 'never')), { failureThreshold: 1 });
  const { supervisor } = b.rig([
    sh('slow', 'sleep 60', probes({ startup: probe(file(flag), { failureThreshold: 50 }), liveness: alive })),
    sh('never', 'sleep 60', probes({ startup: probe(file('/nowhere'), { failureThreshold: 2 }) })),
  ]);
  const submitted = await supervisor.start('slow', { ...start, waitFor: 'SUBMITTED' });
  assert.equal(submitted.state, 'STARTING');
  await until(() => false, 500);
  assert.deepEqual([supervisor.get('slow').state, supervisor.get('slow').restartCount], ['STARTING', 0], 'liveness waits');
  writeFileSync(flag, '');
  assert.ok(await until(() => supervisor.get('slow').state === 'EXITED'), 'and looks once startup has passed');
  assert.equal(supervisor.get('slow').reason, 'LIVENESS_PROBE');
  await assert.rejects(
    supervisor.start('never', start),
    (e: AgentError) => e.reason === 'START_FAILED' && /did not pass its startup probe in 2 tries/.test(e.message),
  );
  assert.deepEqual([supervisor.get('never').state, supervisor.get('never').reason], ['EXITED', 'STARTUP_PROBE']);
});

test('a line of the log proves a start, and its mark stays over an adoption', async () => {
  await using b = bench();
  const log: UnitProbeAction = { kind: 'log', pattern: '^up: \\d+$' };
  const units = [sh('u', 'echo "up: 5"; sleep 60', { onAgentExit: 'keep', ...probes({ startup: probe(log), readiness: probe(log) }) })];
  const first = b.rig(units);
  const { pid } = await first.supervisor.start('u', { ...start, waitFor: 'READY' });
  await first.supervisor.stopAll(1000);
  const record = JSON.parse(readFileSync(join(first.stateDir, 'units/u/probes.json'), 'utf8'));
  assert.deepEqual(record.marked, ['startup', 'readiness']);
  const second = b.rig(units, {
    logs: { collect: () => ({ drain: async () => undefined, lastLines: () => [], onLine: () => () => undefined }) },
  });
  await until(() => false, 500);
  const adopted = second.supervisor.get('u');
  assert.deepEqual([adopted.state, adopted.pid], ['READY', pid]);
});

test('counts of failures survive a daemon that restarts', async () => {
  await using b = bench();
  const flag = join(b.directory, 'alive');
  writeFileSync(flag, '');
  const slow = probe(file(flag), { periodMs: 400, failureThreshold: 3 });
  const units = [sh('u', 'sleep 60', { onAgentExit: 'keep', ...probes({ liveness: slow }) })];
  const first = b.rig(units);
  await first.supervisor.start('u', start);
  rmSync(flag);
  const failures = (): number => {
    try {
      return JSON.parse(readFileSync(join(first.stateDir, 'units/u/probes.json'), 'utf8')).counts.liveness.failures;
    } catch {
      return 0;
    }
  };
  assert.ok(await until(() => failures() === 2));
  await first.supervisor.stopAll(1000);
  const second = b.rig(units);
  assert.ok(await until(() => second.supervisor.get('u').reason === 'LIVENESS_PROBE'));
  assert.match(String(second.event('u', 'exited')?.data?.['message']), /3 times in a row/);
  assert.equal(failures(), 3);
});

function engine(b: Bench, config: object, over: Partial<UnitSettings> = {}): Rig {
  const configPath = join(b.directory, 'config.json');
  writeFileSync(configPath, JSON.stringify(config));
  return b.rig([unit('edge', { engine: 'sing-box', configPath, ...over })], { path: fakes, environment: { ...process.env, PATH: fakes } });
}

test('an engine that is up and passes no traffic is RUNNING, not READY', async () => {
  await using b = bench();
  const port = await freePort();
  const web = createServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 204 No Content\r\n\r\n'))).listen(0, '127.0.0.1');
  await new Promise((resolve) => web.once('listening', resolve));
  const address = web.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`;
  const through: UnitProbeAction = { kind: 'proxy', url, via: undefined, statuses: [{ from: 204, to: 204 }] };
  const readiness = probe(through, { periodMs: 200, timeoutMs: 400, failureThreshold: 1 });
  const inbounds = [{ type: 'mixed', listen: '127.0.0.1', listen_port: port, users: [{ username: 'u', password: 'p' }] }];
  const rig = engine(b, { inbounds }, probes({ readiness }));
  assert.equal((await rig.supervisor.start('edge', { ...start, waitFor: 'READY' })).state, 'READY');
  writeFileSync(join(b.directory, 'config.json'), JSON.stringify({ inbounds, fake: { no_traffic: true } }));
  assert.equal((await rig.supervisor.restart('edge')).state, 'RUNNING');
  assert.ok(await until(() => /no answer within 400 ms/.test(rig.supervisor.get('edge').message)));
  assert.equal(rig.supervisor.get('edge').reason, 'NOT_READY');
  web.close();
});

test('an engine with a readiness probe alone is proved by its mark or its listeners first', async () => {
  await using b = bench();
  const port = await freePort();
  const inbounds = [{ type: 'mixed', listen: '127.0.0.1', listen_port: port }];
  const tcp = probe({ kind: 'tcp', host: '127.0.0.1', port });
  const { supervisor, story } = engine(b, { log: { level: 'warn' }, inbounds, fake: { slow_start: 300 } }, probes({ readiness: tcp }));
  await supervisor.start('edge', { ...start, waitFor: 'SUBMITTED' });
  assert.equal(supervisor.get('edge').state, 'STARTING');
  assert.ok(await until(() => supervisor.get('edge').state === 'READY'));
  assert.deepEqual(story('edge'), ['starting', 'started', 'ready']);
});

test('an engine that lies about its start is found out by its probe', async () => {
  await using b = bench();
  const port = await freePort();
  const inbounds = [{ type: 'mixed', listen: '127.0.0.1', listen_port: port }];
  const tcp = probe({ kind: 'tcp', host: '127.0.0.1', port }, { failureThreshold: 2 });
  const { supervisor } = engine(b, { inbounds, fake: { lies: true } }, probes({ startup: tcp }));
  await assert.rejects(supervisor.start('edge', start), (e: AgentError) =>
    /startup probe in 2 tries: connect ECONNREFUSED/.test(e.message),
  );
});

test('changed probes are in effect without a restart', async () => {
  await using b = bench();
  const { supervisor } = b.rig([sh('u', 'sleep 60')]);
  const { pid, state } = await supervisor.start('u', start);
  assert.equal(state, 'READY');
  const next = sh('u', 'sleep 60', probes({ readiness: probe(file('/nowhere'), { failureThreshold: 1 }) }));
  await supervisor.setUnits({ u: { ...next, env: { RIG: b.directory } } });
  assert.ok(await until(() => supervisor.get('u').state === 'RUNNING'));
  assert.equal(supervisor.get('u').pid, pid);
});

test('above its memory limit in two samples it is restarted with reason MEMORY_LIMIT', { timeout: 60_000 }, async () => {
  await using b = bench();
  const limits = { rlimits: {}, memoryBytes: 150 << 20 };
  const rig = engine(b, { fake: { eats: 200 << 20 } }, { limits, restart: { policy: 'always' } as UnitSettings['restart'] });
  await rig.supervisor.start('edge', start);
  assert.ok(await until(() => rig.event('edge', 'exited') !== undefined, 30_000));
  assert.equal(rig.event('edge', 'exited')?.data?.['reason'], 'MEMORY_LIMIT');
  assert.match(String(rig.event('edge', 'exited')?.data?.['message']), /held \d+ MiB in two samples running, above its limit of 150MiB/);
  assert.ok(await until(() => rig.supervisor.get('edge').restartCount === 1));
});
