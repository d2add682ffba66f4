import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { request as httpRequest } from '../../kernel/node-http.ts';
import type { UnitProbeAction } from '../../settings/types.ts';
import { formatOf, readConfig } from '../engines/read-config.ts';
import { authorization, openTunnel, type Target, type Via } from './tunnel.ts';
import type { Probe, ProbeSubject } from './types.ts';

type ProxyAction = Extract<UnitProbeAction, { kind: 'proxy' }>;

/** Succeeds when the URL answers with one of the statuses through the proxy: that the engine is up is no proof that traffic passes. */
export const proxyProbe: Probe<ProxyAction> = async (action, { signal, subject }) => {
  const via = action.via === undefined ? await ownInbound(subject) : viaOf(action.via);
  const statusCode = await ask(new URL(action.url), via, signal);
  const ok = action.statuses.some(({ from, to }) => statusCode >= from && statusCode <= to);
  return { ok, message: `status ${statusCode} through ${via.scheme}://${via.host.includes(':') ? `[${via.host}]` : via.host}:${via.port}` };
};

/** The way through the config that runs. */
async function ownInbound(subject: ProbeSubject | undefined): Promise<Via> {
  if (subject?.engine === undefined || subject.configPath === undefined) throw new Error('there is no engine to go through');
  const { engine, configPath } = subject;
  const config = readConfig(engine, await readFile(configPath, 'utf8'), formatOf(engine, configPath));
  if (!config.ok) throw new Error(`its config cannot be read: ${config.fault.message}`);
  const inbound = engine.proxyInbound(config.document);
  if (inbound === undefined) throw new Error('its config has no http, mixed or socks inbound to go through: give proxy.via');
  return inbound;
}

function viaOf(url: string): Via {
  const { protocol, hostname, port, username, password } = new URL(url);
  return {
    scheme: protocol === 'socks5:' ? 'socks5' : 'http',
    host: bare(hostname),
    port: Number(port),
    user: username === '' ? undefined : { name: decodeURIComponent(username), password: decodeURIComponent(password) },
  };
}

/** `[::1]` -> `::1` */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** The status that the URL answers with. */
async function ask(url: URL, via: Via, signal: AbortSignal): Promise<number> {
  const secure = url.protocol === 'https:';
  const target: Target = { host: bare(url.hostname), port: Number(url.port || (secure ? 443 : 80)) };
  if (!secure && via.scheme === 'http') {
    // In clear text an HTTP proxy is asked for the whole URL.
    const headers = { host: url.host, ...authorization(via.user) };
    return statusOf(httpRequest, { host: via.host, port: via.port, path: url.href, headers, signal });
  }
  const socket = await openTunnel(via, target, signal);
  const leave = (): void => void socket.destroy();
  signal.addEventListener('abort', leave, { once: true });
  try {
    if (signal.aborted) throw signal.reason;
    const options = { host: target.host, port: target.port, path: `${url.pathname}${url.search}`, headers: { host: url.host }, signal };
    if (!secure) return await statusOf(httpRequest, { ...options, createConnection: () => socket });
    const servername = isIP(target.host) === 0 ? { servername: target.host } : {};
    return await statusOf(httpsRequest, { ...options, createConnection: () => tlsConnect({ socket, host: target.host, ...servername }) });
  } finally {
    signal.removeEventListener('abort', leave);
    socket.destroy();
  }
}

function statusOf(send: typeof httpRequest, options: RequestOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  // A connection of its own: a kept-alive one would prove an old way. With an agent Node would pass over `createConnection`, and
  // go to the target without the tunnel.
  const asked = send(options.createConnection === undefined ? { ...options, agent: false } : options, (response) => {
    response.on('error', () => undefined);
    response.destroy();
    resolve(response.statusCode ?? 0);
  });
  asked.on('error', reject);
  asked.end();
  return promise;
}
