/** An exchange over HTTP/1.1. */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { BaseExchange } from './base-exchange.ts';
import { byteLength, type Exchange, endSliced, type Head, isBodiless, putHeaders, sliceBytes, writeSliced } from './exchange.ts';

/**
 * Exchanges of a connection that have not ended, in a list, which unlike a set is not made anew as it empties. One listener for all: a connection that is
 * kept carries one request after the other.
 */
const open = new WeakMap<Socket, Http1Exchange[]>();

function openOn(socket: Socket): Http1Exchange[] {
  const known = open.get(socket);
  if (known !== undefined) return known;
  const exchanges: Http1Exchange[] = [];
  open.set(socket, exchanges);
  socket.on('close', () => {
    for (const exchange of exchanges) exchange.ended();
  });
  return exchanges;
}

/** Answers go out in the order of their requests: the one that ends is nearly always the first. */
function forget(exchanges: Http1Exchange[], exchange: Http1Exchange): void {
  if (exchanges[0] === exchange) exchanges.shift();
  else exchanges.splice(exchanges.indexOf(exchange), 1);
}

function ignore(): void {}

export class Http1Exchange extends BaseExchange implements Exchange {
  readonly http2 = false;
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly hasBody: boolean;
  readonly body: IncomingMessage;
  readonly #res: ServerResponse;

  constructor(req: IncomingMessage, res: ServerResponse) {
    super();
    this.body = req;
    this.#res = res;
    this.headers = req.headers;
    this.method = req.method ?? '';
    this.target = req.url ?? '';
    const length = req.headers['content-length'];
    this.hasBody = req.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
    // A response that waits behind another one (pipelined, or just quick) is not informed of a lost connection: the socket is.
    const exchanges = openOn(req.socket);
    exchanges.push(this);
    res.on('close', () => {
      forget(exchanges, this);
      this.ended();
    });
    res.on('error', ignore);
    req.on('error', ignore);
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
    return this.over !== undefined || this.#res.destroyed || this.#res.writableFinished || this.body.socket.destroyed;
  }

  get pendingBytes(): number {
    return this.#res.writableLength;
  }

  answer(status: number, headers: Head, body?: string | Uint8Array): void {
    if (this.closed || this.responded) return;
    const length = body === undefined ? 0 : byteLength(body);
    this.#respond(status, headers, isBodiless(status) ? undefined : length);
    if (this.method === 'HEAD' || body === undefined) this.end();
    else if (typeof body !== 'string' || length > sliceBytes || length !== body.length) this.end(body);
    else {
      // A text with no more bytes than letters goes out as it is.
      this.written += length;
      this.#res.end(body, 'latin1');
    }
  }

  respond(status: number, headers: Head): void {
    if (this.closed || this.responded) return;
    this.#respond(status, headers, undefined);
  }

  #respond(status: number, headers: Head, length: number | undefined): void {
    this.responded = true;
    const list: string[] = [];
    putHeaders(list, this.common);
    putHeaders(list, headers);
    if (length !== undefined) list.push('content-length', String(length));
    this.#res.writeHead(status, list);
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
    this.written += byteLength(chunk);
    endSliced(chunk, this.#res);
  }

  stopReading(): void {
    this.body.socket.destroy();
  }

  reset(_why: 'cancel' | 'calm'): void {
    if (!this.#res.writableFinished) this.body.socket.destroy();
  }

  /** The answer, or the whole connection, has ended. */
  ended(): void {
    this.finish(this.#res.writableFinished);
  }
}
