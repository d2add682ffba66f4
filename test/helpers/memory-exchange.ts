import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { byteLength, type Exchange, type Head } from '../../src/api/transports/exchange.ts';

/** At once, or in parts. */
export type Body = Uint8Array | readonly Uint8Array[];

/** An exchange without a connection: what is answered is kept, to be looked at. */
export class MemoryExchange implements Exchange {
  readonly http2 = true;
  readonly method = 'POST';
  readonly authorities = ['localhost'];
  readonly encrypted = false;
  readonly remoteAddress = '';
  readonly common: Record<string, string> = {};
  readonly hasBody = true;
  readonly pendingBytes = 0;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  readonly chunks: Buffer[] = [];
  status = 0;
  head: Head = {};
  trailers: Head = {};
  written = 0;
  responded = false;
  closed = false;
  #onEnd: ((complete: boolean) => void) | undefined;

  constructor(target: string, headers: IncomingHttpHeaders, body: Body) {
    const parts = body instanceof Uint8Array ? [body] : body;
    this.target = target;
    this.headers = headers;
    this.body = Readable.from(parts.filter(({ byteLength: length }) => length > 0).map((part) => Buffer.from(part)));
  }

  arrived(): boolean {
    return this.body.readableEnded;
  }
  proceed(): void {}
  answer(status: number, headers: Head, body?: string | Uint8Array): void {
    this.respond(status, headers);
    this.end(body);
  }
  respond(status: number, headers: Head): void {
    this.responded = true;
    this.status = status;
    this.head = { ...this.common, ...headers };
  }
  respondEmpty(status: number, headers: Head): void {
    this.respond(status, headers);
    this.end();
  }
  write(chunk: string | Uint8Array): boolean {
    this.written += byteLength(chunk);
    this.chunks.push(Buffer.from(chunk as Uint8Array));
    return true;
  }
  drained(): Promise<void> {
    return Promise.resolve();
  }
  onDrain(): void {}
  end(chunk?: string | Uint8Array, trailers: Head = {}): void {
    if (chunk !== undefined) this.write(chunk);
    this.trailers = trailers;
    this.closed = true;
    this.#onEnd?.(true);
  }
  stopReading(): void {
    this.body.destroy();
  }
  reset(): void {
    this.closed = true;
    this.#onEnd?.(false);
  }
  onEnd(fn: (complete: boolean) => void): void {
    this.#onEnd = fn;
  }
  onLost(): void {}
}
