/** An exchange over a raw HTTP/2 stream. */
import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { BaseExchange } from './base-exchange.ts';
import { byteLength, type Exchange, endSliced, type Head, isBodiless, putHeaders, writeSliced } from './exchange.ts';

const withTrailers = { waitForTrailers: true };
const headOnly = { endStream: true };

export class Http2Exchange extends BaseExchange implements Exchange {
  readonly http2 = true;
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly hasBody: boolean;
  readonly body: ServerHttp2Stream;
  #ended = false;
  #trailing = false;
  #onDrain: (() => void) | undefined;
  #waiting: Promise<void> | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    super();
    this.body = stream;
    this.headers = headers;
    this.method = headers[':method'] ?? '';
    this.target = headers[':path'] ?? '';
    this.hasBody = !stream.endAfterHeaders;
    // Emitted by Node in the very turn in which a reset or the loss of the connection is read, but only while we have not ended.
    stream.on('aborted', () => this.#end(false));
    stream.on('close', () => this.#end(this.#ended && (stream.rstCode ?? 0) === constants.NGHTTP2_NO_ERROR));
    stream.on('error', () => this.#end(false));
    if (stream.closed || stream.destroyed) this.over = false;
  }

  get authorities(): readonly string[] {
    const { ':authority': authority, host } = this.headers;
    if (authority === undefined) return host === undefined ? [] : [host];
    return host === undefined ? [authority] : [authority, host];
  }

  get #socket(): Socket | TLSSocket | undefined {
    return this.body.session?.socket;
  }

  get encrypted(): boolean {
    const socket = this.#socket;
    return socket !== undefined && 'encrypted' in socket && socket.encrypted === true;
  }

  get remoteAddress(): string {
    return this.#socket?.remoteAddress ?? '';
  }

  arrived(): boolean {
    const { body } = this;
    return !this.hasBody || body.readableEnded || body.destroyed || body.state.remoteClose === 1;
  }

  proceed(): void {
    if (!this.closed && !this.responded) this.body.additionalHeaders({ ':status': 100 });
  }

  get closed(): boolean {
    return this.over !== undefined || this.body.closed || this.body.destroyed;
  }

  get pendingBytes(): number {
    return this.body.writableLength;
  }

  answer(status: number, headers: Head, body?: string | Uint8Array): void {
    if (this.closed || this.responded) return;
    const length = body === undefined ? 0 : byteLength(body);
    const head = isBodiless(status) ? headers : { ...headers, 'content-length': length };
    if (length === 0 || this.method === 'HEAD') {
      this.respondEmpty(status, head);
      return;
    }
    this.#respond(status, head, undefined);
    this.end(body);
  }

  respond(status: number, headers: Head): void {
    if (this.closed || this.responded) return;
    this.#trailing = true;
    this.#respond(status, headers, withTrailers);
  }

  respondEmpty(status: number, headers: Head): void {
    if (this.closed || this.responded) return;
    this.#ended = true;
    this.#respond(status, headers, headOnly);
  }

  #respond(status: number, headers: Head, options: object | undefined): void {
    this.responded = true;
    const list = [':status', String(status)];
    putHeaders(list, this.common);
    putHeaders(list, headers);
    this.body.respond(list, options);
  }

  write(chunk: string | Uint8Array): boolean {
    if (this.closed) return true;
    this.written += byteLength(chunk);
    return writeSliced(chunk, (part) => this.body.write(part));
  }

  drained(): Promise<void> {
    if (this.closed || !this.body.writableNeedDrain) return Promise.resolve();
    this.#waiting ??= new Promise((resolve) => {
      const done = (): void => {
        this.body.off('drain', done).off('close', done);
        this.#waiting = undefined;
        resolve();
      };
      this.body.on('drain', done).on('close', done);
    });
    return this.#waiting;
  }

  onDrain(fn: () => void): void {
    this.#onDrain = fn;
    this.body.on('drain', () => this.#onDrain?.());
  }

  end(chunk?: string | Uint8Array, trailers?: Head): void {
    if (this.closed || this.#ended) return;
    this.#ended = true;
    // Where nobody answers that question Node ends the stream itself.
    if (this.#trailing && trailers !== undefined) this.body.on('wantTrailers', () => this.#sendTrailers(trailers));
    if (chunk === undefined) {
      this.body.end();
      return;
    }
    this.written += byteLength(chunk);
    endSliced(chunk, this.body);
  }

  #sendTrailers(trailers: Head): void {
    if (!this.body.closed && !this.body.destroyed) this.body.sendTrailers(trailers as OutgoingHttpHeaders);
  }

  stopReading(): void {
    if (!this.body.destroyed) this.body.close(constants.NGHTTP2_NO_ERROR);
  }

  reset(why: 'cancel' | 'calm'): void {
    if (this.body.destroyed) return;
    this.body.close(why === 'calm' ? constants.NGHTTP2_ENHANCE_YOUR_CALM : constants.NGHTTP2_CANCEL);
  }

  #end(complete: boolean): void {
    this.#onDrain = undefined;
    this.finish(complete);
  }
}
