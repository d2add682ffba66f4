/** The body of a request: read within bounds, or dropped within bounds. */
import { systemClock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import { type Exchange, type Head, header } from './exchange.ts';

export function tooLarge(limit: number, bytes?: number): AgentError {
  const what = bytes === undefined ? 'the body' : `a message of ${bytes} bytes`;
  return new AgentError('MESSAGE_TOO_LARGE', `${what} is larger than api.limits.message_bytes (${limit})`, {
    metadata: { limit_bytes: String(limit) },
  });
}

/** Rejects with MESSAGE_TOO_LARGE beyond `limit` + `frameBytes` bytes, or CANCELED when the client left; reads no further then. */
export function readBody(exchange: Exchange, limit: number, frameBytes = 0): Promise<Buffer> {
  const { body } = exchange;
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    const more: Buffer[] = [];
    let size = 0;
    let over = false;
    exchange.onLost(() => {
      if (over) return;
      over = true;
      reject(new AgentError('CANCELED', 'the client left before its body was whole'));
    });
    if (over) return;
    // The listeners stay: the request is forgotten with them.
    body.on('data', (chunk: Buffer) => {
      if (over) return;
      size += chunk.byteLength;
      if (size > limit + frameBytes) {
        over = true;
        body.pause();
        reject(tooLarge(limit));
      } else if (first === undefined) first = chunk;
      else more.push(chunk);
    });
    body.on('end', () => {
      over = true;
      resolve(more.length === 0 ? (first ?? empty) : Buffer.concat([first ?? empty, ...more], size));
      first = undefined;
      more.length = 0;
    });
  });
}

const empty = Buffer.alloc(0);

/** A body that says to be no larger than this is read to its end, and the connection kept. */
const smallBytes = 64 * 1024;
/** So much of a body that is not wanted is read and dropped, for so long. */
const dropBytes = 4 * 1024 * 1024;
const dropEveryMs = 100;
const dropIntervals = 10;

/** Resolves when the body has ended, or when so much of it, or so much time, went by. */
export function dropBody(exchange: Exchange): Promise<void> {
  const { body } = exchange;
  return new Promise((resolve) => {
    let seen = 0;
    let intervals = 0;
    const done = (): void => {
      cancel();
      body.off('data', data).off('end', done).off('close', done);
      if (!exchange.arrived()) body.pause();
      resolve();
    };
    const data = (chunk: Uint8Array): void => {
      seen += chunk.byteLength;
      if (seen > dropBytes) done();
    };
    // Counted in turns of the event loop that read in between: while the agent itself is held up nothing of the body can come.
    const cancel = systemClock.every(dropEveryMs, () => {
      intervals += 1;
      if (intervals > dropIntervals) done();
    });
    body.on('data', data).on('end', done).on('close', done);
  });
}

/**
 * After an answer: what nobody read of the request must not stand in the way. On HTTP/1.1 it would stop the connection's next
 * request; on HTTP/2 a client that waits for room to send would wait for ever, so it is told to stop. Answers nothing where nothing is to come.
 */
export function dropRest(exchange: Exchange): Promise<void> | undefined {
  if (exchange.arrived()) {
    if (!exchange.body.readableEnded) exchange.body.resume();
    return undefined;
  }
  if (exchange.body.destroyed) return undefined;
  return dropBody(exchange).then(() => {
    if (!exchange.arrived()) exchange.stopReading();
  });
}

/** Whether the body is, by what it says of itself, small. A client that waits for 100 Continue sends none. */
function isSmall(exchange: Exchange): boolean {
  const length = header(exchange, 'content-length');
  return exchange.headers.expect === undefined && length !== undefined && Number(length) <= smallBytes;
}

export interface Answer {
  readonly status: number;
  readonly headers: Head;
  /** Undefined: head and trailers in one. */
  readonly body: string | Uint8Array | undefined;
}

function sendAnswer(exchange: Exchange, { status, headers, body }: Answer): void {
  if (body === undefined) exchange.respondEmpty(status, headers);
  else exchange.answer(status, headers, body);
}

/**
 * Answers at once, whether or not the body is there, and then reads and drops what still comes, so that the answer is not lost in a
 * reset. Resolves when the exchange may be forgotten; never rejects.
 */
export async function answerEarly(exchange: Exchange, answer: Answer): Promise<void> {
  if (exchange.arrived() || exchange.http2 || isSmall(exchange)) {
    // Reading begins first: of a stream that nobody reads Node resets the rest as soon as the answer is out.
    if (!exchange.arrived()) exchange.body.resume();
    sendAnswer(exchange, answer);
    return dropRest(exchange);
  }
  // Closing with unread bytes would reset the connection under the answer: say it, look away for a moment, then close.
  const body = answer.body ?? '';
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
  exchange.respond(answer.status, { ...answer.headers, 'content-length': length, connection: 'close' });
  if (length > 0 && exchange.method !== 'HEAD') exchange.write(body);
  await dropBody(exchange);
  exchange.end();
}
