import type { Server } from 'node:net';
import { RefusedError } from '../../kernel/errors.ts';
import { claimSocket, type SocketFile } from '../../kernel/socket-file.ts';
import type { Settings } from '../../settings/types.ts';

export type UnixSocketSettings = Settings['api']['unixSocket'];

const key = 'api.unix_socket';

/**
 * Binds the socket with its mode from the first moment. A file that nobody listens on is replaced, a living one refused. Answers the
 * file, to be removed at the end where it still is ours.
 */
export async function bindUnixSocket(server: Server, settings: UnixSocketSettings): Promise<SocketFile> {
  const claim = await claimSocket(server, { ...settings, key });
  if (claim.kind !== 'ours') server.close();
  switch (claim.kind) {
    case 'ours':
      return claim.file;
    case 'taken':
      throw new RefusedError(`${key}.path: ${claim.message}: stop it, or choose another path`);
    case 'refused':
      throw new RefusedError(`${key}: ${claim.message}: correct the path, mode or group`);
  }
}
