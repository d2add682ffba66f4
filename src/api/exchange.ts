/** One request and its answer, alike for HTTP/1.1 and HTTP/2. Node's two response types differ in overloads only. */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Stream } from 'node:http2';
import type { HttpRequest, HttpResponse } from './seam.ts';

export function isHttp2(req: HttpRequest): req is Http2ServerRequest {
  return req.httpVersionMajor === 2;
}

/** The HTTP/2 stream under a response; undefined on HTTP/1.1. */
export function streamOf(res: HttpResponse): ServerHttp2Stream | undefined {
  return 'stream' in res ? (res as Http2ServerResponse).stream : undefined;
}

/** A request header that may come once; of several, the first. */
export function header(req: HttpRequest, name: string): string | undefined {
  const value = req.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Whether the request announces a body. */
export function hasBody(req: HttpRequest): boolean {
  if (isHttp2(req)) return !req.stream.endAfterHeaders;
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
}

/** Whether the whole request has arrived, read or not. */
export function arrived(req: HttpRequest): boolean {
  if (!hasBody(req) || req.complete) return true;
  return isHttp2(req) && (req.stream.destroyed || req.stream.state.remoteClose === 1);
}

/**
 * Whether nothing can be said any more. A response to a request that came before the last one was done (pipelined, or just
 * quick) has no socket of its own yet: the request's tells.
 */
export function isGone(res: HttpResponse): boolean {
  const stream = streamOf(res);
  if (stream !== undefined) return stream.destroyed || stream.closed;
  return res.destroyed || res.writableFinished || res.req.socket.destroyed;
}

/** Calls `fn` once: when the response is done, or its connection is gone, even before the response had its turn on it. */
export function whenClosed(req: HttpRequest, res: HttpResponse, fn: () => void): void {
  if (isHttp2(req)) {
    res.once('close', fn);
    return;
  }
  const { socket } = req;
  const closed = (): void => {
    res.off('close', closed);
    socket.off('close', closed);
    fn();
  };
  res.on('close', closed);
  socket.on('close', closed);
}

export function writeHead(res: HttpResponse, status: number, headers: OutgoingHttpHeaders): void {
  (res as ServerResponse).writeHead(status, headers);
}

export function write(res: HttpResponse, chunk: Uint8Array): boolean {
  return (res as ServerResponse).write(chunk);
}

export function end(res: HttpResponse, body?: Uint8Array | string): void {
  if (body === undefined) (res as ServerResponse).end();
  else (res as ServerResponse).end(body);
}
