/** What a start of a program is, whoever forks for it: the agent itself, and the launcher. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { closeInheritedDescriptors } from '../../src/processes/descriptors.ts';
import { findPerl } from '../../src/processes/launch/launcher.ts';
import { createProgramSpawner } from '../../src/processes/launch/program-spawner.ts';
import { readExitFile } from '../../src/processes/shim.ts';
import type { Spawned, SpawnRequest } from '../../src/processes/spawner.ts';

import { findGroupPlace, openUnitGroups } from '../../src/processes/unit-groups.ts';
import { freshSpools, prepareDirectory, runFiles } from '../../src/processes/unit-record.ts';
import { silentLogger, until } from '../fixtures/processes/rig.ts';

interface Place {
  readonly dir: string;
  readonly files: SpawnRequest['files'];
  start(argv: readonly string[], over?: Partial<SpawnRequest>): Promise<Spawned>;
  out(): string;
  err(): string;
}

function makePlace(t: TestContext, perl: string | undefined): Place {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-spawn-'));
  const programs = createProgramSpawner({ clock: systemClock, logger: silentLogger, perl });
  const alive = setInterval(() => undefined, 1000); // nothing of a spawner keeps a program alive
  t.after(() => {
    clearInterval(alive);
    programs.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const files = runFiles(dir, 'u');
  prepareDirectory(files);
  return {
    dir,
    files,
    start(argv, over) {
      freshSpools(files);
      const request = { argv, env: {}, cwd: dir, unitId: 'u', runId: 'run1', files, umask: 0o027, group: '', ...over };
      return programs.spawn(request, () => assert.fail('nothing was lost'));
    },
    out: () => readFileSync(files.stdout, 'latin1'),
    err: () => readFileSync(files.stderr, 'latin1'),
  };
}

const statOf = (pid: number): readonly string[] => (/\) (.*)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1] ?? '').split(' ');
const isGone = (pid: number): boolean => {
  try {
    return statOf(pid)[0] === 'Z';
  } catch {
    return true;
  }
};

/** All bytes that an argument can hold, and what shells and formats take for their own. */
const hostile = [
  '',
  ' ',
  "'",
  '"; touch /tmp/never; "',
  '$(touch /tmp/never)`touch /tmp/never`',
  '-n',
  'a\nb\n',
  '\\0\\n\\',
  '*?[a]~',
  '\u0001\u007f\u0081\u0088',
  'ünï → 🦊',
  '%s%n',
  'x'.repeat(100_000),
];

closeInheritedDescriptors(); // of whoever started the tests, as the supervisor does

const perl = findPerl();
const twins = [
  { name: 'by its own fork', perl: undefined, skip: false as const },
  { name: 'by the launcher', perl, skip: perl === undefined ? 'there is no Perl' : (false as const) },
];

for (const { name, perl: by, skip } of twins) {
  test(`${name}: pid, session, group, directory, mask, descriptors and the null device are as promised`, { skip }, async (t) => {
    const place = makePlace(t, by);
    const script = 'umask; pwd; readlink /proc/self/fd/0; echo err >&2; exec sleep 60';
    const { pid, leader, joined, ended } = await place.start(['/bin/sh', '-c', script]);
    assert.ok(await until(() => place.err() === 'err\n' && place.out().includes('/dev/null')));
    assert.deepEqual(place.out().split('\n'), ['0027', place.dir, '/dev/null', '']);
    const [state, parent, group, session] = statOf(pid);
    assert.deepEqual([parent, group, session, joined], [String(leader), String(leader), String(leader), false]);
    assert.notEqual(state, 'Z');
    assert.ok(await until(() => readFileSync(`/proc/${pid}/comm`, 'latin1') === 'sleep\n'));
    assert.deepEqual(readdirSync(`/proc/${pid}/fd`), ['0', '1', '2']);
    process.kill(pid, 'SIGKILL');
    assert.deepEqual(await ended, { kind: 'signal', signal: 'SIGKILL' });
    assert.ok(await until(() => isGone(leader)));
  });

  test(`${name}: every argument and variable arrives as it was, and nothing of it is run`, { skip }, async (t) => {
    const place = makePlace(t, by);
    const env = Object.fromEntries(hostile.map((value, n) => [`HOSTILE_${n}`, value]));
    const show = `const {argv, env} = process; process.stdout.write(JSON.stringify([argv.slice(1), env]))`;
    const { ended } = await place.start([process.execPath, '-e', show, '--', ...hostile], { env });
    assert.deepEqual(await ended, { kind: 'code', code: 0 });
    const [argv, seen] = JSON.parse(readFileSync(place.files.stdout, 'utf8')) as [readonly string[], Record<string, string>];
    assert.deepEqual(argv, hostile);
    for (const [key, value] of Object.entries(env)) assert.equal(seen[key], value, key);
    const added = Object.keys(seen).filter((key) => !(key in env) && !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(key));
    assert.deepEqual(added, [], 'nothing of the agent or of the launcher');
  });

  test(`${name}: how it ended is known, and stands in its file`, { skip }, async (t) => {
    const place = makePlace(t, by);
    const table: readonly (readonly [string, object])[] = [
      ['exit 0', { kind: 'code', code: 0 }],
      ['exit 7', { kind: 'code', code: 7 }],
      ['exit 137', { kind: 'code', code: 137 }],
      ['kill -9 $$', { kind: 'signal', signal: 'SIGKILL' }],
      ['kill -SEGV $$', { kind: 'signal', signal: 'SIGSEGV' }],
      ['kill -TERM $$', { kind: 'signal', signal: 'SIGTERM' }],
    ];
    for (const [script, end] of table) {
      const { ended } = await place.start(['/bin/sh', '-c', script], { runId: 'run2' });
      assert.deepEqual(await ended, end, script);
      assert.deepEqual(readExitFile(place.files, 'run2'), end, script);
      assert.equal(readExitFile(place.files, 'run1'), undefined, 'of another run');
    }
  });

  test(`${name}: a signal to the group reaches the program, and the shim lives to tell`, { skip }, async (t) => {
    const place = makePlace(t, by);
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1'] as const) {
      const { leader, ended } = await place.start([
        '/bin/sh',
        '-c',
        `trap 'exit 3' ${signal.slice(3)}; echo up; while :; do sleep 0.02; done`,
      ]);
      assert.ok(await until(() => place.out() === 'up\n'));
      process.kill(-leader, signal);
      assert.deepEqual(await ended, { kind: 'code', code: 3 }, signal);
    }
  });

  test(`${name}: what cannot be run ends with 126 or 127 and a word; a text without an interpreter is a shell's`, { skip }, async (t) => {
    const place = makePlace(t, by);
    const text = join(place.dir, 'text');
    writeFileSync(text, 'echo "$1"; exit 5', { mode: 0o755 });
    const broken = join(place.dir, 'broken');
    writeFileSync(broken, '#!/no/such/interpreter\n', { mode: 0o755 });
    const table: readonly (readonly [string, number])[] = [
      [text, 5],
      [join(place.dir, 'none'), 127],
      [broken, 127],
      [place.dir, 126],
    ];
    for (const [program, code] of table) {
      assert.deepEqual(await (await place.start([program, 'arg'])).ended, { kind: 'code', code }, program);
      if (code === 5) assert.equal(place.out(), 'arg\n');
      else assert.notEqual(place.err(), '', program);
    }
  });

  test(`${name}: a directory that is not there, and a NUL, are refused`, { skip }, async (t) => {
    const place = makePlace(t, by);
    await assert.rejects(place.start(['/bin/true'], { cwd: join(place.dir, 'none') }), { code: 'ENOENT' });
    for (const over of [{ argv: ['/bin/true', 'a\0b'] }, { env: { A: 'a\0b' } }]) {
      await assert.rejects(place.start(['/bin/true'], over), { code: 'ERR_INVALID_ARG_VALUE' });
    }
    assert.deepEqual(await (await place.start(['/bin/true'])).ended, { kind: 'code', code: 0 }, 'the next one is none the worse');
  });

  test(`${name}: it is in its cgroup from its first instruction`, { skip }, async (t) => {
    const place = makePlace(t, by);
    const found = findGroupPlace(place.dir);
    if (found.kind === 'none') return t.skip(`no cgroup v2 can be had here: ${found.why}`);
    const groups = openUnitGroups(found);
    t.after(() => groups.close());
    const group = groups.open('u');
    const { pid, leader, joined, ended } = await place.start(['/bin/sh', '-c', 'cat /proc/self/cgroup; exec sleep 60'], {
      group: group?.path ?? '',
    });
    assert.equal(joined, true);
    assert.ok(await until(() => place.out().includes('/u\n')));
    assert.deepEqual([...(group?.members() ?? [])].sort(), [leader, pid].sort());
    process.kill(pid, 'SIGKILL');
    await ended;
    const missing = await place.start(['/bin/true'], { group: join(place.dir, 'none') });
    assert.equal(missing.joined, false);
    await missing.ended;
  });

  test(`${name}: thirty at once are thirty, each with its own end`, { skip }, async (t) => {
    const place = makePlace(t, by);
    const each = Array.from({ length: 30 }, async (_, n) => {
      const files = runFiles(place.dir, `u${n}`);
      prepareDirectory(files);
      freshSpools(files);
      const { pid, ended } = await place.start(['/bin/sh', '-c', `echo ${n}; exit ${n}`], { files, unitId: `u${n}` });
      assert.deepEqual(await ended, { kind: 'code', code: n });
      assert.equal(readFileSync(files.stdout, 'utf8'), `${n}\n`);
      return pid;
    });
    assert.equal(new Set(await Promise.all(each)).size, 30);
  });

  test(`${name}: a shim that is killed alone is told as such, and its program goes on`, { skip }, async (t) => {
    const place = makePlace(t, by);
    const { pid, leader, ended } = await place.start(['/bin/sleep', '60']);
    process.kill(leader, 'SIGKILL');
    assert.deepEqual(await ended, { kind: 'signal', signal: 'SIGKILL' });
    assert.equal(isGone(pid), false);
    process.kill(pid, 'SIGKILL');
  });
}
