import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { portHolder } from '../kernel/port-holder.ts';
import type { Listener } from './engines/index.ts';

export interface TakenPort {
  readonly listener: Listener;
  /** Plainly who has it, or why it cannot be had. */
  readonly message: string;
}

/** A listener as a key: who has it already need not get it anew. */
export function portKey({ network, port }: Pick<Listener, 'network' | 'port'>): string {
  return `${network} ${port}`;
}

/**
 * Which listeners of a config could not be opened now. A check of the engine never binds, and xray shares a port in silence
 * (SO_REUSEPORT): so each is bound here without sharing, and let go at once. `own`: what the unit's present run has (portKey). What only
 * root may open is left to the engine.
 */
export async function takenPorts(listeners: readonly Listener[], own: ReadonlySet<string>): Promise<readonly TakenPort[]> {
  const taken: TakenPort[] = [];
  const seen = new Set<string>();
  for (const listener of listeners) {
    const key = `${portKey(listener)} ${listener.address}`;
    if (own.has(portKey(listener)) || seen.has(key)) continue;
    seen.add(key);
    const code = await (listener.network === 'tcp' ? bindTcp(listener) : bindUdp(listener));
    const message = code === undefined ? undefined : await explain(listener, code);
    if (message !== undefined) taken.push({ listener, message });
  }
  return taken;
}

async function explain({ network, address, port }: Listener, code: string): Promise<string | undefined> {
  const at = `${network} port ${port} on ${address}`;
  if (code === 'EADDRNOTAVAIL') return `${at} cannot be had: this machine has no such address`;
  if (code !== 'EADDRINUSE') return undefined;
  const holder = await portHolder(port, network);
  return `${at} is taken by ${holder ?? 'another program'}`;
}

/** The code of the error; undefined when it could be bound. */
function bindTcp({ address, port }: Listener): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'UNKNOWN'));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function bindUdp({ address, port }: Listener): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close();
      resolve(error.code ?? 'UNKNOWN');
    });
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}
