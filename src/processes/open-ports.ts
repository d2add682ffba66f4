import { readdir, readFile, readlink } from 'node:fs/promises';

/** State `0A` of /proc/net/tcp. */
const listening = '0A';

/** Inode -> port of every TCP socket that listens in the network namespace of the process. */
async function listeningSockets(pid: number): Promise<ReadonlyMap<string, number>> {
  const sockets = new Map<string, number>();
  for (const name of ['tcp', 'tcp6']) {
    const text = await readFile(`/proc/${pid}/net/${name}`, 'latin1').catch(() => '');
    for (const line of text.split('\n').slice(1)) {
      const f = line.trim().split(/\s+/);
      if (f[3] === listening && f[9] !== undefined) sockets.set(f[9], Number.parseInt(f[1]?.split(':')[1] ?? '0', 16));
    }
  }
  return sockets;
}

/** TCP ports on which this very process listens; empty when that cannot be read. */
export async function openPorts(pid: number): Promise<ReadonlySet<number>> {
  const sockets = await listeningSockets(pid);
  const ports = new Set<number>();
  for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
    const inode = /^socket:\[(\d+)\]$/.exec(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''))?.[1];
    const port = inode === undefined ? undefined : sockets.get(inode);
    if (port !== undefined) ports.add(port);
  }
  return ports;
}
