/** One request and its answer, alike for HTTP/1.1 and HTTP/2. The transport owns the end of it: who left, and when. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import type { Verdict } from '../../access/types.ts';

/** Names in lower case; a name that comes several times has a list. */
export type Head = Record<string, string | number | readonly string[]>;

export interface Exchange {
  readonly http2: boolean;
  readonly method: string;
  /** Target as it was sent: origin form or absolute form, percent-encoded, with the query. */
  readonly target: string;
  /** Every name by which the request calls this server (`:authority`, `Host`), as sent. */
  readonly authorities: readonly string[];
  readonly headers: IncomingHttpHeaders;
  readonly encrypted: boolean;
  readonly remoteAddress: string;
  /** Who calls, where the transport itself has judged that (a signed message); undefined: the token of the request says it. */
  readonly verdict?: Verdict | undefined;
  /** Whether the request announces a body. */
  readonly hasBody: boolean;
  /** The request's body; whoever reads it stops at a bound. */
  readonly body: Readable;
  /** Whether the whole request has arrived, read or not. */
  arrived(): boolean;
  /** Tells a client that waits for 100 Continue to go on. */
  proceed(): void;

  /** Headers of every answer to this request, whoever gives it. */
  readonly common: Record<string, string>;
  /** Whether the head of the answer is sent. */
  readonly responded: boolean;
  /** Whether nothing can be said any more. */
  readonly closed: boolean;
  /** Bytes of bodies that were written so far. */
  readonly written: number;
  /** Bytes that were written and that the connection has not taken yet. */
  readonly pendingBytes: number;
  /** A whole answer. HEAD is answered without the body, but with its length. */
  answer(status: number, headers: Head, body?: string | Uint8Array): void;
  /** The head of an answer whose body follows by `write`. */
  respond(status: number, headers: Head): void;
  /** Head and trailers in one, without a body: what a gRPC client calls trailers-only. */
  respondEmpty(status: number, headers: Head): void;
  /** False when the connection has enough for now: `drained` says when it takes more. */
  write(chunk: string | Uint8Array): boolean;
  /** Resolves when more may be written, or when nothing can be said any more. */
  drained(): Promise<void>;
  /** Calls `fn` whenever the connection takes more again after `write` said that it has enough. */
  onDrain(fn: () => void): void;
  /** The last bytes, and what is said after them. */
  end(chunk?: string | Uint8Array, trailers?: Head): void;
  /** The answer is said: what still comes of the request is wanted no more. On HTTP/1.1 that ends the connection. */
  stopReading(): void;
  /** Ends it at once, whatever was said; `calm` tells an HTTP/2 client that it asked for too much. */
  reset(why: 'cancel' | 'calm'): void;
  /**
   * Calls `fn` once, within a tick of the end: true when the answer was said to its end, false when the client left before it
   * (a reset, a lost connection), or when we reset it. One listener.
   */
  onEnd(fn: (complete: boolean) => void): void;
  /** Calls `fn` at the end too: for whoever waits for the body. One listener. */
  onLost(fn: () => void): void;
}

/** A request header that may come once; of several, the first. */
export function header(exchange: Pick<Exchange, 'headers'>, name: string): string | undefined {
  const value = exchange.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The media type that the body claims to be of, in lower case, without parameters. */
export function mediaTypeOf(exchange: Pick<Exchange, 'headers'>): string {
  const type = header(exchange, 'content-type') ?? '';
  const end = type.indexOf(';');
  return (end < 0 ? type : type.slice(0, end)).trim().toLowerCase();
}

export function byteLength(chunk: string | Uint8Array): number {
  return typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.byteLength;
}

/** Answers of which HTTP says that they have no body, and no length. */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}

/** Adds headers to a flat list of names and values, which is what Node makes of an object by way of two copies. */
export function putHeaders(list: string[], headers: Head): void {
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === 'string') list.push(name, value);
    else if (typeof value === 'number') list.push(name, String(value));
    else for (const one of value ?? []) list.push(name, one);
  }
}

/** So much is handed to the connection at a time: the watch over stalled readers sees progress in steps of it. */
export const sliceBytes = 16 * 1024;

/** Hands a chunk of any size to `write`; answers what the last part was answered. */
export function writeSliced(chunk: string | Uint8Array, write: (part: string | Uint8Array) => boolean): boolean {
  if (byteLength(chunk) <= sliceBytes) return write(chunk);
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  let room = true;
  for (let at = 0; at < bytes.byteLength; at += sliceBytes) room = write(bytes.subarray(at, at + sliceBytes));
  return room;
}

/** The same for the last chunk. */
export function endSliced(chunk: string | Uint8Array, stream: Pick<Writable, 'write' | 'end'>): void {
  if (byteLength(chunk) <= sliceBytes) stream.end(chunk);
  else {
    writeSliced(chunk, (part) => stream.write(part));
    stream.end();
  }
}

/** Writes at the pace of the reader; answers at once where the connection takes it all. */
export function writeAll(exchange: Exchange, bytes: Uint8Array): Promise<void> | undefined {
  return exchange.closed || exchange.write(bytes) ? undefined : exchange.drained();
}
