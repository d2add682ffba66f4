import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { request } from '../../kernel/node-http.ts';
import { type Login, socksConnect } from './socks.ts';

/** A proxy to go through. */
export interface Via {
  readonly scheme: 'http' | 'socks5';
  readonly host: string;
  readonly port: number;
  readonly user: Login | undefined;
}

export interface Target {
  readonly host: string;
  readonly port: number;
}

export function authorization(user: Login | undefined): Readonly<Record<string, string>> {
  return user === undefined ? {} : { 'proxy-authorization': `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}` };
}

/** A connection to the target through the proxy. Throws what it refuses with; the signal destroys whatever is there. */
export function openTunnel(via: Via, target: Target, signal: AbortSignal): Promise<Duplex> {
  return via.scheme === 'http' ? httpTunnel(via, target, signal) : socksTunnel(via, target, signal);
}

function httpTunnel(via: Via, { host, port }: Target, signal: AbortSignal): Promise<Duplex> {
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const name = host.includes(':') ? `[${host}]` : host;
  const headers = { host: `${name}:${port}`, ...authorization(via.user) };
  const asked = request({ host: via.host, port: via.port, method: 'CONNECT', path: `${name}:${port}`, headers, signal, agent: false });
  asked.on('connect', ({ statusCode = 0 }, socket) => {
    if (statusCode === 200) resolve(socket);
    else {
      socket.destroy();
      reject(new Error(`the proxy answered CONNECT with status ${statusCode}`));
    }
  });
  asked.on('response', (response) => {
    response.destroy();
    reject(new Error(`the proxy answered CONNECT with status ${response.statusCode}`));
  });
  asked.on('error', reject);
  asked.end();
  return promise;
}

async function socksTunnel(via: Via, target: Target, signal: AbortSignal): Promise<Duplex> {
  const socket = await connected(via, signal);
  try {
    await socksConnect(socket, target, via.user);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function connected({ host, port }: Via, signal: AbortSignal): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ host, port, signal });
  socket.once('connect', () => resolve(socket));
  socket.on('error', reject); // stays: an error that nobody hears ends the daemon
  return promise;
}
