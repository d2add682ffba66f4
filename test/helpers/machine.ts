/** A throw-away machine with a real systemd (test/fixtures/systemd/machine), for tests of what is installed. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { type Ran, root, runProgram, until } from './daemon.ts';

/** Why there can be no such machine here; false where there can. */
export function whyNoMachine(): string | false {
  if (process.getuid?.() !== 0) return 'needs root, for namespaces and an overlay';
  if (!existsSync('/lib/systemd/systemd')) return 'there is no systemd on this machine';
  if (!existsSync('/usr/bin/nsenter') || !existsSync('/usr/bin/perl')) return 'needs nsenter and perl';
  if (!/ cgroup2 rw/.test(readFileSync('/proc/mounts', 'utf8'))) return 'no cgroup v2 is mounted for writing';
  const overlay =
    'd=$(mktemp -d) && mount -t tmpfs t $d && mkdir $d/u $d/w $d/r && mount -t overlay -o lowerdir=/,upperdir=$d/u,workdir=$d/w o $d/r; s=$?; umount -R $d; rmdir $d; exit $s';
  if (spawnSync('unshare', ['--mount', 'sh', '-c', overlay]).status !== 0) return 'no overlay can be mounted';
  return false;
}

export interface Machine {
  /** Runs a shell's line in it as root. */
  run(line: string, timeoutMs?: number): Promise<Ran>;
  /** The same, which must end with 0: what it printed, trimmed. */
  sh(line: string, timeoutMs?: number): Promise<string>;
}

/** Starts one that sees the directory `from` at `at`; the test's end ends it. */
export async function startMachine(t: TestContext, { from = root, at = '/opt/sboxagent' } = {}): Promise<Machine> {
  const child = spawn(join(root, 'test/fixtures/systemd/machine'), [from, at], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const pid = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once('line', (line) => resolve(line.trim()));
    child.once('exit', () => reject(new Error(`the machine did not start: ${said}`)));
  });
  const run = (line: string, timeoutMs = 60_000): Promise<Ran> =>
    runProgram(['nsenter', '-a', '-r', '-w', '-t', pid, '/bin/sh', '-c', line], {
      timeoutMs,
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' },
    });
  const sh = async (line: string, timeoutMs?: number): Promise<string> => {
    const { code, stdout, stderr } = await run(line, timeoutMs);
    if (code !== 0) throw new Error(`${line}: ${code}\n${stdout}${stderr}`);
    return stdout.trim();
  };
  await until(`its systemd: ${said}`, async () => /running|degraded/.test((await run('systemctl is-system-running')).stdout), 60_000);
  return { run, sh };
}
