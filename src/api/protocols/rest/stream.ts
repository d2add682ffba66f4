/** Server streams over HTTP: server-sent events, JSON lines, or lines for people by `Accept`. */
import type { DescMessage } from '@bufbuild/protobuf';
import type { AgentError } from '../../../kernel/errors.ts';
import type { FeedCodec } from '../../../kernel/feed.ts';
import { jsonWriter } from '../../codec/json.ts';
import type { Answered } from '../../seam.ts';
import { type Exchange, header } from '../../transports/exchange.ts';
import { preferred } from '../../transports/weights.ts';
import { kindOf, type StreamAnswer } from './answers.ts';
import { toRestBody } from './error.ts';

/** Bytes of one message, or of the error that ends the stream. */
export interface Framer extends FeedCodec<Answered, Buffer> {
  readonly contentType: string;
  error(error: AgentError): string;
  /** What keeps an idle connection alive; undefined where the format has nothing for it. */
  readonly ping: string | undefined;
}

/** JSON text has no raw line breaks; U+2028 and the like are no line ends in either format. */
function lines(output: DescMessage): Framer {
  const text = jsonWriter(output);
  return {
    contentType: 'application/x-ndjson',
    encode: (message) => Buffer.from(`${text(message)}\n`),
    error: (error) => `${JSON.stringify({ error: toRestBody(error) })}\n`,
    ping: undefined,
  };
}

function serverSentEvents(output: DescMessage, answer: StreamAnswer): Framer {
  const text = jsonWriter(output);
  const id = (message: Answered): string => {
    const cursor = answer.cursor?.(message) ?? '';
    return cursor === '' ? '' : `id: ${cursor}\n`;
  };
  return {
    contentType: 'text/event-stream; charset=utf-8',
    encode: (message) => Buffer.from(`${id(message)}event: ${kindOf(output, message, answer.kinds)}\ndata: ${text(message)}\n\n`),
    error: (error) => `event: error\ndata: ${JSON.stringify(toRestBody(error))}\n\n`,
    ping: ': ping\n\n',
  };
}

/** For people: nothing of the frame but what it says. */
function plainLines(text: (message: Answered) => string): Framer {
  return {
    contentType: 'text/plain; charset=utf-8',
    encode: (message) => Buffer.from(text(message)),
    error: (error) => `# ${error.message} (${error.reason})\n`,
    ping: undefined,
  };
}

/** The framings of a method's messages, and the choice between them. */
export function framers(output: DescMessage, answer: StreamAnswer): (exchange: Exchange) => Framer {
  const ndjson = lines(output);
  const sse = serverSentEvents(output, answer);
  const plain = answer.text === undefined ? undefined : plainLines(answer.text);
  const byType = new Map([
    ['application/x-ndjson', ndjson],
    ['application/ndjson', ndjson],
    ['application/jsonl', ndjson],
    ['application/x-jsonlines', ndjson],
    ['text/event-stream', sse],
    ['text/plain', plain ?? sse],
  ]);
  return (exchange) => preferred(header(exchange, 'accept'), byType) ?? sse;
}

export const streamHeaders = { 'cache-control': 'no-cache, no-store', 'x-accel-buffering': 'no' } as const;
