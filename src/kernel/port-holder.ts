import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';

export type Network = 'tcp' | 'udp';

/** Who has a port of this machine: `sboxctl (pid 4711)`, `this agent (pid 7)`; undefined where /proc does not tell. */
export async function portHolder(port: number, network: Network = 'tcp'): Promise<string | undefined> {
  const inodes = new Set([...(await heldInodes(network, port)), ...(await heldInodes(`${network}6`, port))]);
  if (inodes.size === 0) return undefined;
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (!(await holdsSocket(pid, inodes))) continue;
    return Number(pid) === process.pid ? `this agent (pid ${pid})` : `${await nameOf(pid)} (pid ${pid})`;
  }
  return undefined;
}

/** Node calls its main thread `MainThread`: what it runs says more. */
async function nameOf(pid: string): Promise<string> {
  const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')).trim();
  if (name !== 'MainThread') return name;
  const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  const script = argv.slice(1).find((word) => word !== '' && !/^-|\s/.test(word));
  if (script !== undefined && /\/src\/main\.[jt]s$/.test(script)) return 'sboxagent';
  return basename(script ?? argv[0] ?? 'node');
}

/** A TCP socket that listens is in state 0A, a UDP socket that is bound in 07. */
async function heldInodes(table: string, port: number): Promise<string[]> {
  const text = await readFile(`/proc/net/${table}`, 'utf8').catch(() => '');
  const state = table.startsWith('tcp') ? '0A' : '07';
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = text.split('\n').map((line) => line.trim().split(/\s+/));
  return rows.filter((row) => row[1]?.endsWith(suffix) && row[3] === state).map((row) => `socket:[${row[9]}]`);
}

async function holdsSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const fd of fds) {
    if (inodes.has(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''))) return true;
  }
  return false;
}
