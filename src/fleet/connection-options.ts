import { readFileSync } from 'node:fs';
import { type ConnectionOptions, credsAuthenticator } from '@nats-io/transport-node';
import type { FleetSettings } from '../settings/types.ts';

/** How long a first connection may take. */
const connectTimeoutMs = 5000;
const reconnectWaitMs = 1000;
/** A server that answers no ping for so long is away. */
const pingIntervalMs = 10_000;

/** How the servers of the configuration are reached, by agents and clients alike. Throws where a file of TLS cannot be read. */
export function connectionOptions({ servers, credentials, tls, name, prefix }: FleetSettings): ConnectionOptions {
  const { caFile, certFile, keyFile } = tls;
  const files = { ca: caFile, cert: certFile, key: keyFile };
  const read = Object.entries(files).flatMap(([part, file]) => (file === undefined ? [] : [[part, readFileSync(file, 'utf8')] as const]));
  // The client takes its last line for one only where a line feed follows, which was cut off with the other blanks of the file.
  const written = credentials === undefined ? undefined : new TextEncoder().encode(`${credentials}\n`);
  return {
    servers: [...servers],
    name: `${prefix}/${name}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectWaitMs,
    timeout: connectTimeoutMs,
    pingInterval: pingIntervalMs,
    ...(written !== undefined && { authenticator: credsAuthenticator(written) }),
    ...(read.length > 0 && { tls: Object.fromEntries(read) }),
  };
}
