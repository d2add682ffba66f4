import { readFileSync, statSync } from 'node:fs';
import { type ConnectionOptions, credsAuthenticator } from '@nats-io/transport-node';
import type { FleetSettings } from '../settings/types.ts';

/** How long a first connection may take. */
const connectTimeoutMs = 5000;
const reconnectWaitMs = 1000;
/** A server that answers no ping for so long is away. */
const pingIntervalMs = 10_000;

/**
 * How the servers of the configuration are reached, by agents and clients alike. Credentials and certificates are renewed while the agent runs: each
 * connection, also one that is made again, takes what their files say by then. Throws where a file of TLS cannot be read.
 */
export function connectionOptions({ servers, credentials, credentialsFile, tls, name, prefix }: FleetSettings): ConnectionOptions {
  const { caFile, certFile, keyFile } = tls;
  const files = Object.entries({ ca: caFile, cert: certFile, key: keyFile });
  const parts = files.flatMap(([part, file]) =>
    file === undefined ? [] : [[part, newestText(file, readFileSync(file, 'utf8'))] as const],
  );
  const written = credentials === undefined ? undefined : newestText(credentialsFile, credentials, 0o077);
  return {
    servers: [...servers],
    name: `${prefix}/${name}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectWaitMs,
    timeout: connectTimeoutMs,
    pingInterval: pingIntervalMs,
    // The client takes its last line for one only where a line feed follows, which was cut off with the other blanks of the file.
    ...(written !== undefined && { authenticator: credsAuthenticator(() => new TextEncoder().encode(`${written()}\n`)) }),
    // The client asks this object anew for each connection.
    ...(parts.length > 0 && {
      tls: Object.defineProperties({}, Object.fromEntries(parts.map(([part, get]) => [part, { get, enumerable: true }]))),
    }),
  };
}

/** What a file says now; what it said before where it is gone, empty, or open to those whom `closedTo` names. */
function newestText(file: string | undefined, first: string, closedTo = 0): () => string {
  let known = first;
  return () => {
    try {
      const text = file === undefined || (statSync(file).mode & closedTo) !== 0 ? '' : readFileSync(file, 'utf8').trim();
      if (text !== '') known = text;
    } catch {
      // See above.
    }
    return known;
  };
}
