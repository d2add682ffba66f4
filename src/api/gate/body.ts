/** What becomes of the body of a request that is refused: nothing is kept of it. */

import { constants } from 'node:http2';
import { systemClock } from '../../kernel/clock.ts';
import { arrived, hasBody, isHttp2, streamOf } from '../exchange.ts';
import type { HttpRequest, HttpResponse } from '../seam.ts';

/** A body up to this is read before the refusal. */
const smallBytes = 64 * 1024;
/** No refusal waits longer than this for a body to end. */
const drainMs = 1000;
/** After the refusal of a larger body this much of the rest is read and dropped. */
const lingerBytes = 4 * 1024 * 1024;

/**
 * Whether the body is, by what it says of itself, small enough to be read and dropped; one of unknown length is.
 * A client that waits for 100 Continue sends none.
 */
export function bodyIsSmall(req: HttpRequest): boolean {
  const length = req.headers['content-length'];
  if (req.headers.expect !== undefined && !isHttp2(req)) return false;
  return !hasBody(req) || length === undefined || Number(length) <= smallBytes;
}

function discard(req: HttpRequest, maxBytes: number): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0;
    const done = (): void => {
      cancel();
      req.off('data', data).off('end', done).off('close', done).off('error', done);
      req.on('error', () => {});
      req.pause();
      resolve();
    };
    const data = (chunk: Uint8Array): void => {
      seen += chunk.byteLength;
      if (seen > maxBytes) done();
    };
    const cancel = systemClock.after(drainMs, done);
    req.on('data', data).on('end', done).on('close', done).on('error', done);
  });
}

/** Reads and drops a small body: until its end, 64 KiB or one second, whichever comes first. */
export async function awaitSmallBody(req: HttpRequest): Promise<void> {
  if (hasBody(req) && !req.readableEnded && !req.destroyed) await discard(req, smallBytes);
}

/** Reads and drops what still comes after an answer, within bounds, so that the answer is not lost in a reset. */
export async function linger(req: HttpRequest): Promise<void> {
  if (!arrived(req) && !req.destroyed) await discard(req, lingerBytes);
}

/**
 * After an answer: what nobody read of the request must not stand in the way. On HTTP/1.1 it would stop the connection's
 * next request; on HTTP/2 a client that waits for room to send would wait for ever, so it is told to stop.
 */
export async function letGo(req: HttpRequest, res: HttpResponse): Promise<void> {
  const stream = streamOf(res);
  if (stream === undefined) {
    if (!req.readableEnded) req.resume();
    return;
  }
  if (arrived(req)) return;
  await linger(req);
  if (!arrived(req) && !stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR);
}
