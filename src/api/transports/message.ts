/** A call that comes as one message of a broker, and is answered by messages: the fleet's. */
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { Verdict } from '../../access/types.ts';
import { BaseExchange } from './base-exchange.ts';
import { byteLength, type Exchange, type Head } from './exchange.ts';

/** Where the answer goes. */
export interface MessageReply {
  head(status: number, headers: Head): void;
  write(chunk: Buffer): void;
  end(trailers: Head): void;
  /** Ends it in the middle. */
  abort(): void;
  /** Bytes that the caller has not taken yet. */
  pendingBytes(): number;
  /** Calls `fn` whenever the caller has taken some. */
  onTaken(fn: () => void): void;
  /** Calls `fn` when the caller leaves. */
  onLeft(fn: () => void): void;
}

export interface MessageCall {
  /** `/sboxagent.v1.EventService/ListEvents` */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Who signed it, or why nobody is known by it. */
  readonly verdict: Verdict;
  /** For people. */
  readonly from: string;
  readonly reply: MessageReply;
}

/** So much may wait for the caller to take it. */
const windowBytes = 1 << 20;

export class MessageExchange extends BaseExchange implements Exchange {
  readonly http2 = true;
  readonly method = 'POST';
  readonly authorities = [];
  readonly encrypted = true;
  readonly hasBody = true;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string;
  readonly verdict: Verdict;
  readonly body: Readable;
  readonly #reply: MessageReply;
  #onDrain: (() => void) | undefined;
  #waiting: (() => void)[] = [];

  constructor({ path, headers, body, verdict, from, reply }: MessageCall) {
    super();
    this.target = path;
    this.headers = headers;
    this.verdict = verdict;
    this.remoteAddress = from;
    this.body = Readable.from(body.byteLength === 0 ? [] : [Buffer.from(body)]);
    this.#reply = reply;
    reply.onTaken(() => {
      if (!this.#hasRoom()) return;
      this.#wake();
      this.#onDrain?.();
    });
    reply.onLeft(() => this.#close(false));
  }

  get closed(): boolean {
    return this.over !== undefined;
  }

  get pendingBytes(): number {
    return this.#reply.pendingBytes();
  }

  #hasRoom(): boolean {
    return this.#reply.pendingBytes() < windowBytes;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  #close(complete: boolean): void {
    this.finish(complete);
    this.#wake();
  }

  arrived(): boolean {
    return true;
  }
  proceed(): void {}
  answer(status: number, headers: Head, body?: string | Uint8Array): void {
    this.respond(status, headers);
    this.end(body);
  }
  respond(status: number, headers: Head): void {
    this.responded = true;
    this.#reply.head(status, { ...this.common, ...headers });
  }
  respondEmpty(status: number, headers: Head): void {
    this.respond(status, headers);
    this.end();
  }
  write(chunk: string | Uint8Array): boolean {
    if (this.closed) return false;
    this.written += byteLength(chunk);
    this.#reply.write(Buffer.from(chunk as Uint8Array));
    return this.#hasRoom();
  }
  drained(): Promise<void> {
    if (this.closed || this.#hasRoom()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
  onDrain(fn: () => void): void {
    this.#onDrain = fn;
  }
  end(chunk?: string | Uint8Array, trailers: Head = {}): void {
    if (this.closed) return;
    if (chunk !== undefined) this.write(chunk);
    this.#reply.end(trailers);
    this.#close(true);
  }
  stopReading(): void {}
  reset(): void {
    if (this.closed) return;
    this.#reply.abort();
    this.#close(false);
  }
}
