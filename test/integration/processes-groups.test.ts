import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openUnitGroup } from '../../src/processes/unit-group.ts';
import { findGroupPlace, groupParents } from '../../src/processes/unit-groups.ts';
import { livingDaemon } from '../fixtures/processes/killed-daemon.ts';
import { bench, pidsWith, sh, start, until } from '../fixtures/processes/rig.ts';

const v2 = '41 31 0:38 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n';
const hybrid = `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n${v2.replace('/sys/fs/cgroup rw', '/sys/fs/cgroup/unified rw')}`;

test('where groups can be had: root beside everything, others within what was delegated', () => {
  const table: readonly (readonly [string, Parameters<typeof groupParents>[0], readonly string[]])[] = [
    [
      'root',
      { mountinfo: v2, own: '0::/system.slice/sboxagent.service\n', uid: 0 },
      ['/sys/fs/cgroup', '/sys/fs/cgroup/system.slice/sboxagent.service'],
    ],
    ['root in a container', { mountinfo: v2, own: '0::/\n', uid: 0 }, ['/sys/fs/cgroup']],
    ['root outside its namespace', { mountinfo: v2, own: '0::/../other\n', uid: 0 }, ['/sys/fs/cgroup']],
    [
      'a user',
      { mountinfo: v2, own: '0::/user.slice/user-1000.slice/s.service\n', uid: 1000 },
      ['/sys/fs/cgroup/user.slice/user-1000.slice/s.service'],
    ],
    [
      'a sub-group of its own',
      { mountinfo: v2, own: '0::/user.slice/s.service/agent\n', uid: 1000 },
      ['/sys/fs/cgroup/user.slice/s.service'],
    ],
    ['beside the hierarchies of v1', { mountinfo: hybrid, own: '9:name=systemd:/\n0::/\n', uid: 0 }, ['/sys/fs/cgroup/unified']],
    ['mounted for reading', { mountinfo: v2.replace(' rw,nosuid', ' ro,nosuid'), own: '0::/\n', uid: 0 }, []],
    ['none', { mountinfo: '31 23 0:28 / / rw - ext4 /dev/vda rw\n', own: '', uid: 0 }, []],
  ];
  for (const [name, facts, parents] of table) assert.deepEqual(groupParents(facts), parents, name);
});

test('figures, kills for want of memory and the ceiling are those of the kernel; what is not counted is not there', () => {
  const path = mkdtempSync(join(tmpdir(), 'sboxagent-group-'));
  const write = (name: string, text: string): void => writeFileSync(join(path, name), text);
  try {
    write('cpu.stat', 'usage_usec 1234567\nuser_usec 1\n');
    write('memory.events', 'low 0\noom 3\noom_kill 2\n');
    write('memory.max', 'max\n');
    const counted = openUnitGroup(path, { memory: true });
    assert.equal(counted.cpuMicros(), 1_234_567);
    assert.equal(counted.oomKills(), 2);
    const plain = openUnitGroup(path, { memory: false });
    assert.deepEqual([plain.cpuMicros(), plain.oomKills()], [1_234_567, 0]);
    assert.equal(openUnitGroup(join(path, 'none'), { memory: true }).cpuMicros(), undefined);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
});

const placeDir = mkdtempSync(join(tmpdir(), 'sboxagent-place-'));
after(() => rmSync(placeDir, { recursive: true, force: true }));
const place = findGroupPlace(placeDir);
const skip = place.kind === 'none' ? `no cgroup v2 can be had here: ${place.why}` : false;
if (place.kind === 'groups') rmdirSync(place.base);

/** Each starts sleeps that are found by their argument, whatever became of their parents and their environment. */
const escapes: Readonly<Record<string, (mark: string) => string>> = {
  setsid: (mark) => `setsid sleep ${mark} & exec sleep ${mark}`,
  'a double fork': (mark) => `( ( sleep ${mark} & ) & ) ; exec sleep ${mark}`,
  'a cleared environment': (mark) => `env -i setsid sh -c '(sleep ${mark} &)' ; exec env -i sleep ${mark}`,
  'namespaces of its own': (mark) => `env -i unshare --pid --mount --fork --mount-proc sleep ${mark} & exec env -i sleep ${mark}`,
  'a stubborn one': (mark) => `env -i setsid sh -c 'trap "" TERM HUP; sleep ${mark}; sleep ${mark}' & exec sleep ${mark}`,
  'a fork that never rests': (mark) =>
    `env -i setsid sh -c 'trap "" TERM; while :; do sleep ${mark} & sleep 0.01; done' & exec sleep ${mark}`,
  'a sub-group': (mark) =>
    `g=$(sed -n 's/^0:://p' /proc/self/cgroup); m=$(sed -n 's/.* \\(\\S*\\) rw.* - cgroup2 .*/\\1/p' /proc/self/mountinfo); mkdir "$m$g/own" && env -i setsid sh -c "echo 0 >$m$g/own/cgroup.procs; exec sleep ${mark}" & exec sleep ${mark}`,
};

function sleepers(mark: string): readonly string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && commandOf(name).split('\0').includes(mark));
}

function commandOf(pid: string): string {
  try {
    const state = /\) (\S)/.exec(readFile(`/proc/${pid}/stat`))?.[1];
    return state === 'Z' ? '' : readFile(`/proc/${pid}/cmdline`);
  } catch {
    return '';
  }
}

for (const [name, script] of Object.entries(escapes)) {
  test(`nothing escapes the stop: ${name}`, { skip }, async () => {
    await using b = bench();
    const mark = `${300_000 + Math.floor(Math.random() * 100_000)}`;
    const { supervisor } = b.rig([sh('a', script(mark), { stop: { signal: 'SIGTERM', graceMs: 200 } })]);
    await supervisor.start('a', start);
    assert.ok(await until(() => sleepers(mark).length >= 2), 'it is there, and what escaped too');
    const began = performance.now();
    assert.equal((await supervisor.stop('a', {})).state, 'STOPPED');
    assert.deepEqual(sleepers(mark), []);
    assert.ok(performance.now() - began < 10_000, 'its grace was 200 ms');
  });
}

test('what escaped is ended before the next run, and found again by the next daemon', { skip }, async () => {
  await using b = bench();
  const mark = `${400_000 + Math.floor(Math.random() * 100_000)}`;
  const units = [sh('a', `env -i setsid sleep ${mark} & exec env -i sleep ${mark}`, { autostart: true, onAgentExit: 'keep' })];
  const daemon = await livingDaemon(b, units);
  assert.ok(await until(() => sleepers(mark).length === 2));
  await daemon.kill();
  const { supervisor } = b.rig(units);
  assert.equal(supervisor.get('a').pid, daemon.pids.get('a'), 'proven by its group, since it cleared its environment');
  process.kill(supervisor.get('a').pid, 'SIGKILL');
  assert.ok(await until(() => supervisor.get('a').state === 'EXITED'));
  assert.ok(await until(() => sleepers(mark).length === 0));
});

test('groups are made when they are needed, removed when they are empty, and leftovers are cleared', { skip }, async () => {
  await using b = bench();
  const state = join(b.directory, 'state');
  const found = findGroupPlace(state);
  assert.ok(found.kind === 'groups');
  const { base } = found;
  mkdirSync(join(base, 'stranger'));
  const { supervisor } = b.rig([sh('a', 'exec sleep 300'), sh('idle', 'exec sleep 300')]);
  assert.deepEqual(groupsIn(base), []);
  await supervisor.start('a', start);
  assert.deepEqual(groupsIn(base), ['a']);
  assert.ok(readFile(join(base, 'a', 'cgroup.procs')).includes(String(supervisor.get('a').pid)));
  await supervisor.stop('a', {});
  assert.deepEqual(groupsIn(base), []);
  await supervisor.stopAll(1000);
  assert.ok(!existsSync(base));
});

test('switched off, a run has no group, and the mark finds what it started', { skip }, async () => {
  await using b = bench();
  const { supervisor } = b.rig([sh('a', 'setsid sleep 300 & exec sleep 300', { stop: { signal: 'SIGTERM', graceMs: 200 } })], {
    cgroups: false,
  });
  await supervisor.start('a', start);
  assert.doesNotMatch(readFile(`/proc/${supervisor.get('a').pid}/cgroup`), /sboxagent/);
  await supervisor.stop('a', {});
  assert.deepEqual(pidsWith(b.directory), []);
});

function groupsIn(base: string): readonly string[] {
  return readdirSync(base, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

function readFile(path: string): string {
  return readFileSync(path, 'latin1');
}
