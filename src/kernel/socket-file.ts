import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { chmod, chown, link, lstat, mkdir, rename, unlink } from 'node:fs/promises';
import type { Server } from 'node:net';
import { dirname, join } from 'node:path';
import { groupId, maxPathBytes, someoneListens, withUmask } from './unix-socket.ts';

export interface SocketFileSettings {
  /** Key of the configuration that names the path, for what a refusal says. */
  readonly key: string;
  readonly path: string;
  readonly mode: number;
  readonly group: string | undefined;
}

/** Our socket under its name. */
export interface SocketFile {
  /** Whether the name still is that of our socket; its mode is put right where it is not. */
  stands(): Promise<boolean>;
  /** Removes the name, unless it is another's by now. */
  remove(): Promise<void>;
}

export type Claim =
  | { readonly kind: 'ours'; readonly file: SocketFile }
  /** A living program has it: no fault. */
  | { readonly kind: 'taken'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string };

/**
 * Binds the server and gives it the name. It is made under another name and linked: so it has its mode and group before anyone sees it,
 * nothing that came in between is replaced, and the end of the server, which removes what it was bound to, cannot remove another's.
 */
export async function claimSocket(server: Server, settings: SocketFileSettings): Promise<Claim> {
  const { key, path, mode, group } = settings;
  const made = join(dirname(path), `.sbx${randomBytes(4).toString('hex')}`);
  if (Buffer.byteLength(made) > maxPathBytes || Buffer.byteLength(path) > maxPathBytes)
    return { kind: 'refused', message: `${path} lies too deep: a socket's name has at most ${maxPathBytes} bytes` };
  const gid = group === undefined ? undefined : await groupId(group);
  if (group !== undefined && gid === undefined) return { kind: 'refused', message: `there is no group ${group} for ${path}` };
  try {
    // One level: Node never ends making several where the file system takes none (/proc).
    await mkdir(dirname(path), { mode: 0o700 }).catch(() => {});
    const obstacle = await clear(path, key);
    if (obstacle !== undefined) return obstacle;
    await listen(server, made, mode);
    if (gid !== undefined) await chown(made, -1, gid);
    await chmod(made, mode);
    await link(made, path);
    const { dev, ino } = await lstat(path);
    return { kind: 'ours', file: socketFile(settings, { dev, ino }) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return { kind: 'taken', message: `another program took ${path} just now` };
    return { kind: 'refused', message: `${path} cannot be had: ${error instanceof Error ? error.message : String(error)}` };
  } finally {
    await unlink(made).catch(() => {});
  }
}

function listen(server: Server, path: string, mode: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    withUmask(0o777 & ~mode, () => server.listen({ path }));
  });
}

type Identity = Pick<Stats, 'dev' | 'ino'>;

function same(a: Identity, b: Identity): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

function socketFile({ path, mode }: SocketFileSettings, own: Identity): SocketFile {
  const look = async (): Promise<Stats | undefined> => {
    const found = await lstat(path).catch(() => undefined);
    return found !== undefined && same(found, own) ? found : undefined;
  };
  return {
    async stands() {
      const found = await look();
      if (found !== undefined && (found.mode & 0o777) !== mode) await chmod(path, mode).catch(() => {});
      return found !== undefined;
    },
    async remove() {
      if ((await look()) !== undefined) await unlink(path).catch(() => {});
    },
  };
}

/** Removes a socket that nobody listens on any more; anything else is left as it is. */
async function clear(path: string, key: string): Promise<Claim | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  if (!found.isSocket()) {
    const what = found.isSymbolicLink() ? 'a symbolic link' : 'no socket';
    return { kind: 'refused', message: `${path} is ${what}: move it away, or choose another ${key}.path` };
  }
  const taken: Claim = { kind: 'taken', message: `another program listens on ${path}` };
  if (await someoneListens(path)) return taken;
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0 && found.uid !== uid)
    return { kind: 'refused', message: `${path} was left by another user (uid ${found.uid}): let it be removed` };
  // Moved, not removed: another agent may have put a living one there since the look.
  const aside = join(dirname(path), `.sbx${randomBytes(4).toString('hex')}`);
  await rename(path, aside);
  try {
    if (same(await lstat(aside), found)) return undefined;
    await link(aside, path);
    return taken;
  } finally {
    await unlink(aside);
  }
}
