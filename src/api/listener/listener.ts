/**
 * The sockets: one TCP port and one unix socket, on each of which HTTP/1.1 and HTTP/2 are spoken by the same handler.
 * Invariants: nothing that a peer sends ends the process; every connection that says nothing is closed in bounded time;
 * their number is capped.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../kernel/clock.ts';
import type { SocketFile } from '../../kernel/socket-file.ts';
import { bindTcp, boundAddress } from './bind.ts';
import { type CertificateWatch, type Renewal, readCertificate, renewCertificate, type TlsSettings } from './certificate.ts';
import { type Connections, createConnections } from './connections.ts';
import { createServers, type Handler, type Servers } from './servers.ts';
import type { ConnectionLimits } from './sessions.ts';
import { sniff } from './sniff.ts';
import { createTlsServer } from './tls.ts';
import { bindUnixSocket, type UnixSocketSettings } from './unix-socket.ts';
import { type VanishedPeers, watchVanishedPeers } from './vanished-peers.ts';

type Endpoint =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: TlsSettings | undefined }
  | { readonly kind: 'unix'; readonly socket: UnixSocketSettings };

/** One endpoint on which HTTP/1.1 and HTTP/2 are both spoken. */
export interface Listener {
  /** Answers how to reach it: `http://127.0.0.1:8080`, `unix:/run/x.sock`. Throws RefusedError. */
  start(): Promise<string>;
  count(): number;
  apply(): void;
  /** Reads the certificate's files now; answers what is wrong with them. Nothing without TLS. */
  renewCertificate(): string | undefined;
  /** Looks at its connections; called a few times a second. */
  inspect(nowMs: number): void;
  /** No new connections, GOAWAY on HTTP/2, idle HTTP/1.1 connections closed; what is in flight goes on. */
  close(): void;
  /** Destroys what is left, and removes the socket file. */
  destroy(): Promise<void>;
}

interface ListenerOptions {
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  /** Read anew at every use, so that a reload takes effect. */
  readonly limits: () => ConnectionLimits;
  readonly handler: Handler;
  /** Whom renewed files of `api.tls` are told; absent: they are not followed. */
  readonly certificate?: CertificateWatch | undefined;
  /** Called for every connection that the cap turned away. */
  readonly refused: () => void;
}

export function createListener(options: ListenerOptions): Listener {
  const { endpoint } = options;
  const servers = createServers(options);
  const connections = createConnections({ clock: options.clock, max: () => options.limits().connections, refused: options.refused });
  const vanished = watchVanishedPeers(() => options.limits().pongTimeoutMs);
  const context = { ...options, servers, connections, vanished };
  let server: Server | undefined;
  let renewal: Renewal | undefined;
  let file: SocketFile | undefined;
  return {
    async start() {
      if (endpoint.kind === 'tcp' && endpoint.tls !== undefined) {
        const secure = await tlsServer(context, endpoint.tls);
        server = secure.server;
        renewal = secure.renewal;
      } else server = plainServer(context);
      if (endpoint.kind === 'tcp') return bindPort(server, endpoint);
      file = await bindUnixSocket(server, endpoint.socket);
      return `unix:${endpoint.socket.path}`;
    },
    count: connections.count,
    apply: () => servers.apply(options.limits()),
    renewCertificate: () => renewal?.renew(),
    inspect(nowMs) {
      servers.sessions.inspect(nowMs);
      vanished.inspect(nowMs);
    },
    close() {
      renewal?.stop();
      if (server?.listening === true) server.close();
      servers.stop();
    },
    async destroy() {
      servers.h1.closeIdleConnections();
      await connections.destroyAll();
      await file?.remove();
    },
  };
}

interface Context extends ListenerOptions {
  readonly servers: Servers;
  readonly connections: Connections;
  readonly vanished: VanishedPeers;
}

function plainServer(context: Context): Server {
  return createServer({ noDelay: true }, (socket) => {
    if (!context.connections.admit(socket)) return;
    keepAlive(context, socket);
    sniff(socket, { clock: context.clock, timeoutMs: context.limits().idleTimeoutMs }, (protocol) => passSocket(context, protocol, socket));
  });
}

interface SecureServer {
  readonly server: Server;
  readonly renewal: Renewal | undefined;
}

async function tlsServer(context: Context, settings: TlsSettings): Promise<SecureServer> {
  const certificate = readCertificate(settings);
  const server = await createTlsServer(settings, context.limits().headerTimeoutMs, certificate);
  const { clock, certificate: watch } = context;
  const renewal = watch && renewCertificate(server, { settings, served: certificate }, { ...watch, clock });
  server.on('connection', (socket: Socket) => {
    if (context.connections.admit(socket)) keepAlive(context, socket);
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', () => {});
    if (socket.alpnProtocol === 'h2') {
      context.servers.h2.emit('connection', socket);
      return;
    }
    // ALPN has told: only silence is left to be watched, as the sniffer does on plain connections.
    sniff(socket, { clock: context.clock, timeoutMs: context.limits().idleTimeoutMs }, () => passSocket(context, 'h1', socket));
  });
  return { server, renewal };
}

/** The kernel asks a silent peer after this time whether it is still there, and ends the connection when it is not (HTTP/1.1 has no PING). */
function keepAlive({ endpoint, limits }: Context, socket: Socket): void {
  if (endpoint.kind === 'tcp') socket.setKeepAlive(true, limits().pingIntervalMs);
}

function passSocket({ servers, vanished, endpoint }: Context, protocol: 'h1' | 'h2', socket: Socket): void {
  if (protocol === 'h2') {
    // No resume() here: the session takes the socket's handle, and flowing bytes would never reach it.
    servers.h2.emit('connection', socket);
    return;
  }
  // Pipelined requests each listen for its end; their number is bounded by the caps on calls.
  socket.setMaxListeners(0);
  if (endpoint.kind === 'tcp') vanished.watch(socket);
  servers.h1.emit('connection', socket);
  socket.resume();
}

async function bindPort(server: Server, endpoint: Endpoint & { kind: 'tcp' }): Promise<string> {
  await bindTcp(server, endpoint.host, endpoint.port);
  return `${endpoint.tls === undefined ? 'http' : 'https'}://${boundAddress(server)}`;
}
