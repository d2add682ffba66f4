import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { dependentsOf, startOrder } from '../../../src/processes/dependencies.ts';
import { runEnvironment } from '../../../src/processes/environment.ts';
import { bootId, executableOf, hasEnvironment, isAlive, parseStat, readStat } from '../../../src/processes/proc.ts';

test('a name with spaces and parentheses does not shift the fields', () => {
  const rest = `S 10 42 42 0 -1 4194304 1 0 0 0 7 3 4 1 20 0 3 0 ${123_456} 9000 25`;
  assert.deepEqual(parseStat(`77 (a) b (c)) ${rest}`), {
    pid: 77,
    state: 'S',
    ppid: 10,
    group: 42,
    cpuTicks: 10,
    childTicks: 5,
    threads: 3,
    residentBytes: 25 * 4096,
    startTicks: 123_456,
  });
  assert.equal(parseStat('nonsense'), undefined);
});

test('a process is known by pid and start time; a dead one is not alive', async () => {
  const child = spawn('sleep', ['300'], { env: { MARK: 'a:b' } });
  await once(child, 'spawn');
  const stat = readStat(child.pid ?? 0);
  assert.ok(stat !== undefined && isAlive(stat));
  assert.ok(!isAlive({ ...stat, startTicks: stat.startTicks + 1 }));
  assert.match(executableOf(stat.pid), /sleep|coreutils|busybox/);
  assert.ok(hasEnvironment(stat.pid, 'MARK=a:b') && !hasEnvironment(stat.pid, 'MARK=a') && !hasEnvironment(stat.pid, 'ARK=a:b'));
  assert.match(bootId(), /^[0-9a-f-]{36}$/);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.ok(!isAlive(stat));
});

test('a child gets the common names, its own, those it is lent, and its mark', () => {
  const daemon = { PATH: '/bin', HOME: '/root', SBOXAGENT_API_PORT: '1', HTTPS_PROXY: 'p', NODE_OPTIONS: 'x' };
  const env = runEnvironment(
    daemon,
    { engine: undefined, id: 'a', env: { HOME: '/own', X: '1' }, passEnv: ['HTTPS_PROXY', 'ABSENT'] },
    'r',
  );
  assert.deepEqual(env, { PATH: '/bin', HTTPS_PROXY: 'p', HOME: '/own', X: '1', SBOXAGENT_UNIT: 'a:r' });
});

test('everything is started after what it depends on', () => {
  const units = [
    { id: 'app', dependsOn: ['web', 'absent'] },
    { id: 'db', dependsOn: [] },
    { id: 'web', dependsOn: ['db'] },
    { id: 'x', dependsOn: ['y'] },
    { id: 'y', dependsOn: ['x'] },
  ];
  assert.deepEqual(startOrder(units), ['db', 'web', 'app', 'y', 'x']);
  assert.deepEqual(dependentsOf(units, 'db'), ['web']);
});
