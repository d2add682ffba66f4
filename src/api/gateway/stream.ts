/** Server streams over HTTP: server-sent events, or JSON lines by `Accept`. */
import type { Message } from '@bufbuild/protobuf';
import type { Clock } from '../../kernel/clock.ts';
import type { AgentError } from '../../kernel/errors.ts';
import { restText } from '../convert/json.ts';
import { end, header, isGone, write, writeHead } from '../exchange.ts';
import type { Call, HttpRequest, HttpResponse } from '../seam.ts';
import { fromUnknown, toRestBody } from '../wire-error.ts';
import { kindOf, type StreamAnswer } from './answers.ts';

export type Framing = 'sse' | 'ndjson';

/** Bytes of one message, or of the error that ends the stream. */
interface Framer {
  readonly contentType: string;
  message(message: Message): string;
  error(error: AgentError): string;
  /** What keeps an idle connection alive; undefined where the format has nothing for it. */
  readonly ping: string | undefined;
}

export function framingOf(req: HttpRequest): Framing {
  const accept = (header(req, 'accept') ?? '').toLowerCase();
  const ndjson = accept.search(/application\/(x-ndjson|ndjson|jsonl|x-jsonlines)/);
  const sse = accept.indexOf('text/event-stream');
  return ndjson !== -1 && (sse === -1 || ndjson < sse) ? 'ndjson' : 'sse';
}

/** JSON text has no raw line breaks; U+2028 and the like are no line ends in either format. */
export function framer(framing: Framing, call: Call, answer: StreamAnswer): Framer {
  const { output } = call.method.desc;
  if (framing === 'ndjson') {
    return {
      contentType: 'application/x-ndjson',
      message: (message) => `${restText(output, message)}\n`,
      error: (error) => `${JSON.stringify({ error: toRestBody(error) })}\n`,
      ping: undefined,
    };
  }
  const id = (message: Message): string => {
    const cursor = answer.cursor?.(message) ?? '';
    return cursor === '' ? '' : `id: ${cursor}\n`;
  };
  return {
    contentType: 'text/event-stream; charset=utf-8',
    message: (message) => `${id(message)}event: ${kindOf(output, message, answer.kinds)}\ndata: ${restText(output, message)}\n\n`,
    error: (error) => `event: error\ndata: ${JSON.stringify(toRestBody(error))}\n\n`,
    ping: ': ping\n\n',
  };
}

export const streamHeaders = { 'cache-control': 'no-cache, no-store', 'x-accel-buffering': 'no' } as const;

/** So much is handed to the connection at a time, so that a slow reader is seen to make progress. */
const sliceBytes = 16 * 1024;

/** Resolves when the response takes more, is gone, or the call ends. */
function drained(res: HttpResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      res.off('drain', done).off('close', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    res.on('drain', done).on('close', done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted || isGone(res)) done();
  });
}

export interface Outgoing {
  readonly call: Call;
  readonly res: HttpResponse;
  readonly frames: Framer;
  readonly clock: Clock;
  readonly pingIntervalMs: number;
}

/** Writes a comment whenever the stream was silent for as long as pings are apart. Answers how to stop. */
function keepAlive({ res, frames, clock, pingIntervalMs }: Outgoing, lastWriteMs: () => number): () => void {
  const { ping } = frames;
  if (ping === undefined) return () => {};
  const step = Math.max(50, pingIntervalMs / 4);
  return clock.every(step, () => {
    const silent = clock.monotonicMs() - lastWriteMs();
    // Bytes still wait for a reader that is slow: a ping would only add to them.
    if (silent + step >= pingIntervalMs && !isGone(res) && !res.writableNeedDrain) write(res, Buffer.from(ping));
  });
}

/**
 * Writes `first` and what `messages` still has, at the pace of the reader. Ends the response; never rejects.
 * An error becomes the last frame.
 */
export async function writeStream(first: IteratorResult<Message>, messages: AsyncIterator<Message>, out: Outgoing): Promise<void> {
  const { call, res, frames, clock } = out;
  let lastWriteMs = clock.monotonicMs();
  const put = async (text: string): Promise<void> => {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.byteLength && !isGone(res); at += sliceBytes) {
      lastWriteMs = clock.monotonicMs();
      if (!write(res, bytes.subarray(at, at + sliceBytes))) await drained(res, call.signal);
    }
  };
  writeHead(res, 200, { ...streamHeaders, 'content-type': frames.contentType });
  const stop = keepAlive(out, () => lastWriteMs);
  try {
    for (let item = first; item.done !== true && !isGone(res); item = await messages.next()) await put(frames.message(item.value));
  } catch (error) {
    await put(frames.error(fromUnknown(error)));
  } finally {
    stop();
    await messages.return?.().catch(() => {});
    if (!isGone(res)) end(res);
  }
}
