import type { Server } from 'node:net';
import { RefusedError } from '../../kernel/errors.ts';
import { portHolder } from '../../kernel/port-holder.ts';

/** Resolves when the server listens; rejects with its error. `begin` calls listen(). */
export function listening(server: Server, begin: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    begin();
  });
}

/** Binds host:port. Throws RefusedError with one line that says who is in the way and what to do. */
export async function bindTcp(server: Server, host: string, port: number): Promise<void> {
  try {
    await listening(server, () => server.listen({ host, port }));
  } catch (error) {
    throw new RefusedError(await refusalOf(error, host, port), { cause: error });
  }
}

async function refusalOf(error: unknown, host: string, port: number): Promise<string> {
  const at = `${host}:${port}`;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'EADDRINUSE': {
      const holder = await portHolder(port);
      const clash = port === 8080 ? '; `sboxctl export --inbound-types http` makes an engine that listens there too' : '';
      return `api.port: ${at} is in use${holder === undefined ? '' : ` by ${holder}`}: end it or set another api.port${clash}`;
    }
    case 'EACCES':
      return `api.port: ${at} may not be bound: set api.port above 1023, or grant CAP_NET_BIND_SERVICE`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `api.host: ${host} is no address of this machine: set api.host to one that it has, e.g. 127.0.0.1`;
    default:
      return `api.host: cannot listen on ${at} (${error instanceof Error ? error.message : String(error)}): correct api.host and api.port`;
  }
}

/** `127.0.0.1:8080`, `[::1]:8080`: what the server really listens on. */
export function boundAddress(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') return address ?? '';
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}
