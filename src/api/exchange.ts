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

export function isGone(res: HttpResponse): boolean {
  const stream = streamOf(res);
  return stream === undefined ? res.destroyed || (res.socket?.destroyed ?? true) : stream.destroyed || stream.closed;
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
