import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createHttp2, type Http2Server } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import { newTraceId } from '../../kernel/ids.ts';
import { createServer as createHttp1, STATUS_CODES } from '../../kernel/node-http.ts';
import { httpStatusOf } from '../errors/codes.ts';
import { toRestBody } from '../protocols/rest/error.ts';
import type { Exchange } from '../transports/exchange.ts';
import { Http1Exchange } from '../transports/http1.ts';
import { Http2Exchange } from '../transports/http2.ts';
import { type ConnectionLimits, type Sessions, watchSessions } from './sessions.ts';

/** Serves a request; must not throw. */
export type Handler = (exchange: Exchange) => void;

const maxHeaderBytes = 16 * 1024;
const checkMs = 500;

/** One HTTP/1.1 and one HTTP/2 server that own no port: sockets are handed to them. */
export interface Servers {
  readonly h1: Server;
  readonly h2: Http2Server;
  readonly sessions: Sessions;
  apply(limits: ConnectionLimits): void;
  stop(): void;
}

export function createServers(options: {
  readonly clock: Clock;
  readonly limits: () => ConnectionLimits;
  readonly handler: Handler;
}): Servers {
  const h1 = http1Server(options.limits(), options.handler);
  const h2 = http2Server(options.limits(), options.handler);
  const sessions = watchSessions(h2, options);
  return {
    h1,
    h2,
    sessions,
    apply(limits) {
      h1.headersTimeout = limits.headerTimeoutMs;
      h1.keepAliveTimeout = limits.idleTimeoutMs;
      h2.updateSettings(settings(limits));
    },
    stop() {
      sessions.goAway();
      h1.close();
      h1.closeIdleConnections();
    },
  };
}

function http1Server(limits: ConnectionLimits, handler: Handler): Server {
  const serve = (req: IncomingMessage, res: ServerResponse): void => handler(new Http1Exchange(req, res));
  const server = createHttp1(
    {
      headersTimeout: limits.headerTimeoutMs,
      // Bodies have a timer of their own, which knows streams from dawdlers.
      requestTimeout: 0,
      keepAliveTimeout: limits.idleTimeoutMs,
      keepAliveTimeoutBuffer: 0,
      connectionsCheckingInterval: checkMs,
      maxHeaderSize: maxHeaderBytes,
      // The gate judges the Host, and says why in the error's own words.
      requireHostHeader: false,
      noDelay: true,
    },
    serve,
  );
  // A body is asked for (100 Continue) only by who passes the gate.
  server.on('checkContinue', serve);
  server.on('clientError', answerClientError);
  server.on('connect', (_req, socket: Duplex) => answerRaw(socket, new AgentError('METHOD_NOT_ALLOWED', 'CONNECT is not served')));
  // Without this event the timers of headers never start, since the server owns no port.
  server.emit('listening');
  return server;
}

function settings(limits: ConnectionLimits): { maxConcurrentStreams: number; maxHeaderListSize: number } {
  return { maxConcurrentStreams: limits.streamsPerConnection, maxHeaderListSize: maxHeaderBytes };
}

function http2Server(limits: ConnectionLimits, handler: Handler): Http2Server {
  const server = createHttp2({
    settings: settings(limits),
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    maxHeaderListPairs: 128,
    maxSettings: 32,
    maxOutstandingPings: 10,
    // Rapid reset (CVE-2023-44487): a burst, then so many a second; beyond it the session is ended.
    streamResetBurst: 500,
    streamResetRate: 100,
  });
  // Faults of a peer's framing: the session is gone, and nobody else is concerned.
  server.on('sessionError', () => {});
  server.on('streamError', () => {});
  server.on('session', (session) => session.on('error', () => {}));
  server.on('stream', (stream, headers) => handler(new Http2Exchange(stream, headers)));
  return server;
}

function answerClientError({ code }: NodeJS.ErrnoException, socket: Duplex): void {
  if (code === 'HPE_HEADER_OVERFLOW') {
    answerRaw(socket, new AgentError('MALFORMED_BODY', 'the request headers are larger than 16 KiB'), 431);
  } else if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    answerRaw(socket, new AgentError('BODY_TIMEOUT', 'the request headers did not arrive within api.limits.header_timeout'));
  } else answerRaw(socket, new AgentError('MALFORMED_BODY', 'this is no HTTP request'));
}

/** An answer to what is no request for the gate, in REST's words. The connection ends with it. */
function answerRaw(socket: Duplex, error: AgentError, status = httpStatusOf(error)): void {
  if (socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(toRestBody(error));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-trace-id: ${newTraceId()}`,
    'connection: close',
  ];
  socket.on('error', () => {});
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
