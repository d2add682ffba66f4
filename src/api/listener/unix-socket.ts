import { chmod, chown, lstat, mkdir, unlink } from 'node:fs/promises';
import type { Server } from 'node:net';
import { dirname } from 'node:path';
import { RefusedError } from '../../kernel/errors.ts';
import { groupId, maxPathBytes, someoneListens, withUmask } from '../../kernel/unix-socket.ts';
import { listening } from './bind.ts';

export interface UnixSocketSettings {
  readonly path: string;
  readonly mode: number;
  readonly group: string | undefined;
}

const key = 'api.unix_socket';
/** Binds the socket with its mode from the first moment. A file that nobody listens on is replaced, a living one refused. */
export async function bindUnixSocket(server: Server, settings: UnixSocketSettings): Promise<void> {
  const { path, mode, group } = settings;
  if (Buffer.byteLength(path) > maxPathBytes) {
    throw new RefusedError(`${key}.path: ${path} is longer than ${maxPathBytes} bytes: choose a shorter path`);
  }
  const gid = group === undefined ? undefined : await gidOf(group);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await clear(path);
  try {
    await listening(server, () => withUmask(0o777 & ~mode, () => server.listen({ path })));
    if (gid !== undefined) await chown(path, -1, gid);
    await chmod(path, mode);
  } catch (error) {
    server.close();
    throw new RefusedError(`${key}.path: cannot listen on ${path} (${messageOf(error)}): correct the path, mode or group`, {
      cause: error,
    });
  }
}

async function clear(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new RefusedError(`${key}.path: ${path} exists and is no socket: move it away, or choose another path`);
  if (await someoneListens(path))
    throw new RefusedError(`${key}.path: another program listens on ${path}: stop it, or choose another path`);
  await unlink(path);
}

async function gidOf(group: string): Promise<number> {
  const gid = await groupId(group);
  if (gid === undefined) throw new RefusedError(`${key}.group: there is no group ${group}: create it, or name another`);
  return gid;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
