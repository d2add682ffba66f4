/** An exchange over HTTP/1.1. */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { byteLength, type Exchange, type Head, isBodiless, sliceBytes, writeSliced } from './exchange.ts';

export class Http1Exchange implements Exchange {
  readonly http2 = false;
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly common: Record<string, string> = {};
  readonly hasBody: boolean;
  readonly body: IncomingMessage;
  readonly #res: ServerResponse;
  responded = false;
  written = 0;
  #over: boolean | undefined;
  #onEnd: ((complete: boolean) => void) | undefined;
  #onLost: (() => void) | undefined;

  constructor(req: IncomingMessage, res: ServerResponse) {
    this.body = req;
    this.#res = res;
    this.headers = req.headers;
    this.method = req.method ?? '';
    this.target = req.url ?? '';
    const length = req.headers['content-length'];
    this.hasBody = req.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
    const { socket } = req;
    // A response that waits behind another one (pipelined, or just quick) hears nothing of a lost connection: the socket does.
    const lost = (): void => this.#finish(res.writableFinished);
    const done = (): void => {
      socket.off('close', lost);
      this.#finish(res.writableFinished);
    };
    socket.on('close', lost);
    res.on('close', done).on('error', () => {});
    req.on('error', () => {});
  }

  get authorities(): readonly string[] {
    const { rawHeaders } = this.body;
    const names: string[] = [];
    // Node keeps the first of several Host headers: look at what was really sent.
    for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]?.toLowerCase() === 'host') names.push(rawHeaders[i + 1] ?? '');
    return names;
  }

  get encrypted(): boolean {
    return 'encrypted' in this.body.socket && this.body.socket.encrypted === true;
  }

  get remoteAddress(): string {
    return this.body.socket.remoteAddress ?? '';
  }

  arrived(): boolean {
    return !this.hasBody || this.body.complete;
  }

  proceed(): void {
    this.#res.writeContinue();
  }

  get closed(): boolean {
    return this.#over !== undefined || this.#res.destroyed || this.#res.writableFinished || this.body.socket.destroyed;
  }

  get pendingBytes(): number {
    return this.#res.writableLength;
  }

  answer(status: number, headers: Head, body?: string | Uint8Array): void {
    if (this.closed || this.responded) return;
    const length = body === undefined ? 0 : byteLength(body);
    this.respond(status, isBodiless(status) ? headers : { ...headers, 'content-length': length });
    this.end(this.method === 'HEAD' ? undefined : body);
  }

  respond(status: number, headers: Head): void {
    if (this.closed || this.responded) return;
    this.responded = true;
    this.#res.writeHead(status, { ...this.common, ...headers } as OutgoingHttpHeaders);
  }

  respondEmpty(status: number, headers: Head): void {
    this.answer(status, headers);
  }

  write(chunk: string | Uint8Array): boolean {
    if (this.closed) return true;
    this.written += byteLength(chunk);
    return writeSliced(chunk, (part) => this.#res.write(part));
  }

  drained(): Promise<void> {
    const { socket } = this.body;
    const res = this.#res;
    if (this.closed || !res.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        res.off('drain', done).off('close', done);
        socket.off('close', done);
        resolve();
      };
      res.on('drain', done).on('close', done);
      socket.on('close', done);
    });
  }

  onDrain(fn: () => void): void {
    this.#res.on('drain', fn);
  }

  end(chunk?: string | Uint8Array, trailers?: Head): void {
    if (this.closed) return;
    if (trailers !== undefined) this.#res.addTrailers(trailers as OutgoingHttpHeaders);
    if (chunk === undefined) {
      this.#res.end();
      return;
    }
    const length = byteLength(chunk);
    this.written += length;
    if (length <= sliceBytes) this.#res.end(chunk);
    else {
      writeSliced(chunk, (part) => this.#res.write(part));
      this.#res.end();
    }
  }

  stopReading(): void {
    this.body.socket.destroy();
  }

  reset(_why: 'cancel' | 'calm'): void {
    if (!this.#res.writableFinished) this.body.socket.destroy();
  }

  onEnd(fn: (complete: boolean) => void): void {
    this.#onEnd = fn;
    if (this.#over !== undefined) queueMicrotask(() => fn(this.#over === true));
  }

  onLost(fn: () => void): void {
    this.#onLost = fn;
    if (this.closed) fn();
  }

  #finish(complete: boolean): void {
    if (this.#over !== undefined) return;
    this.#over = complete;
    this.#onLost?.();
    this.#onEnd?.(complete);
  }
}
