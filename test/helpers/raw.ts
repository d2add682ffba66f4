/** Clients that say exactly what a test wants, byte for byte. */
import http2, { type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => resolve(socket));
    socket.once('error', reject);
    socket.on('error', () => {});
  });
}

/** Sends bytes; answers what came until the connection ended or that was `enough`, and at the latest after `waitMs`. */
export async function say(
  port: number,
  bytes: string | Uint8Array,
  { enough, waitMs = 60_000 }: { readonly enough?: RegExp; readonly waitMs?: number } = {},
): Promise<string> {
  const socket = await open(port);
  let text = '';
  const hasEnough = new Promise<void>((resolve) => {
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      if (enough?.test(text)) resolve();
    });
  });
  socket.write(bytes);
  await Promise.race([closeOf(socket), hasEnough, sleep(waitMs, undefined, { ref: false })]);
  socket.destroy();
  return text;
}

/** A server that has enough of it may say so by a reset: that is an end too. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** Milliseconds until the server closed the connection, or undefined when it was still open after `maxMs`. */
export async function closedAfter(socket: Socket, maxMs: number): Promise<number | undefined> {
  const start = performance.now();
  socket.resume();
  if (!socket.closed) await Promise.race([closeOf(socket), sleep(maxMs, undefined, { ref: false })]);
  const took = performance.now() - start;
  const closed = socket.closed || socket.destroyed;
  socket.destroy();
  return closed ? took : undefined;
}

export interface H2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: string;
  readonly resetCode: number;
}

export function session(port: number): ClientHttp2Session {
  const client = http2.connect(`http://127.0.0.1:${port}`);
  client.on('error', () => {});
  return client;
}

export function ask(client: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: Uint8Array | string): Promise<H2Answer> {
  return new Promise((resolve) => {
    const stream = client.request(headers, { endStream: body === undefined });
    let seen: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    let text = '';
    stream.on('response', (head) => {
      seen = head;
    });
    stream.on('trailers', (head) => {
      trailers = head;
    });
    stream.on('error', () => {});
    stream.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
    });
    stream.on('close', () =>
      resolve({ status: Number(seen[':status'] ?? 0), headers: seen, trailers, body: text, resetCode: stream.rstCode ?? 0 }),
    );
    if (body !== undefined) stream.end(body);
  });
}
