/** Process 1 of a container, as process 1 of a pid namespace: orphans are reaped, signals handed on, what is left is asked to end. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeDaemon, program, root, until } from '../helpers/daemon.ts';

const init = join(root, 'deploy/container/init');
const namespaces = [
  'unshare',
  ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
  '--pid',
  '--fork',
  '--mount-proc',
  '--kill-child',
];
const [unshare = '', ...namespaceArguments] = namespaces;
const fits = existsSync('/usr/bin/perl') && spawnSync(unshare, [...namespaceArguments, 'true']).status === 0;
const skip = fits ? false : 'no pid namespace can be made here, or there is no perl';

function contain(t: TestContext, argv: readonly string[]) {
  const child = spawn(unshare, [...namespaceArguments, init, ...argv], { stdio: ['ignore', 'ignore', 'inherit'] });
  t.after(() => void child.kill('SIGKILL'));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const childrenOf = (pid: number): readonly number[] =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  const pidOfInit = (): Promise<number> => until('process 1', () => childrenOf(child.pid ?? 0).at(0));
  return { exited, childrenOf, pidOfInit };
}

const stateOf = (pid: number): string => / ([A-Z]) /.exec(readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\)/, ''))?.[1] ?? '';

test('a daemon in a container: ready, its orphans reaped, ended in good order by SIGTERM', { skip }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-container-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  // Each turn leaves an orphan, which ends at once; what is kept says that it was asked to end.
  const orphans = `while :; do (sh -c : &) ; sleep 0.05; done`;
  const kept = `trap 'echo asked >${join(dir, 'end')}; exit 0' TERM; while :; do sleep 0.1; done`;
  const units = {
    orphans: { command: ['/bin/sh', '-c', orphans], autostart: true },
    kept: { command: ['/bin/sh', '-c', kept], autostart: true, on_agent_exit: 'keep' },
  };
  const daemon = await makeDaemon({ config: { processes: { units } } });
  t.after(() => daemon.dispose());
  const { exited, childrenOf, pidOfInit } = contain(t, [program, 'serve', '--config', daemon.configPath, '--state-dir', daemon.stateDir]);
  const pid = await pidOfInit();
  await until('its processes', async () => {
    const { json } = await daemon.rest('GET', '/api/v1/processes');
    return (json as { readonly processes: readonly { readonly state: string }[] }).processes.every(({ state }) => state === 'READY');
  });
  // Who is a zombie twice, some turns apart, was not reaped.
  const zombies = (): readonly number[] =>
    childrenOf(pid).filter((child) => {
      try {
        return stateOf(child) === 'Z';
      } catch {
        return false;
      }
    });
  const first = zombies();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.deepEqual(
    zombies().filter((child) => first.includes(child)),
    [],
  );
  assert.ok(zombies().length < 10, 'orphans do not pile up');
  process.kill(pid, 'SIGTERM');
  assert.equal(await exited, 0);
  assert.equal(readFileSync(join(dir, 'end'), 'utf8'), 'asked\n');
});

test('the exit code of the container is the program’s', { skip }, async (t) => {
  assert.equal(await contain(t, ['/bin/sh', '-c', 'exit 78']).exited, 78);
  assert.equal(await contain(t, ['/bin/sh', '-c', 'kill -9 $$']).exited, 137);
  assert.equal(await contain(t, ['/there/is/none']).exited, 127);
});
