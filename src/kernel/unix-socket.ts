import { readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';

/** sockaddr_un holds 108 bytes with the closing zero; Node would bind a cut name. */
export const maxPathBytes = 107;

/** The file of a socket is made inside listen(): without a umask it would be open to all until chmod. `run` must not wait. */
export function withUmask(mask: number, run: () => void): void {
  const before = process.umask(mask);
  try {
    run();
  } finally {
    process.umask(before);
  }
}

/** Whether a living program listens on the socket; one that we may not ask counts as living. */
export function someoneListens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'));
  });
}

/** The number of a group by its name or its number; undefined when there is none of that name. */
export async function groupId(group: string): Promise<number | undefined> {
  if (/^\d+$/.test(group)) return Number(group);
  const table = await readFile('/etc/group', 'utf8').catch(() => '');
  const row = table
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === group);
  return row === undefined ? undefined : Number(row[2]);
}
