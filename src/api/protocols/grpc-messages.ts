/** The messages of a gRPC request, out of their envelopes: the one of a unary call, and those of a stream as they are asked for. */
import { type DescMessage, fromBinary, type Message } from '@bufbuild/protobuf';
import { CreateEventRequestSchema, PublishEventsRequestSchema } from '../../../gen/es/sboxagent/v1/event_service_pb.js';
import { AgentError } from '../../kernel/errors.ts';
import { readCreateEvent, readPublishEvents } from '../codec/read-events.ts';
import { tooLarge } from '../transports/body.ts';
import type { Exchange } from '../transports/exchange.ts';

/** What stands before a message: a flag, and the length. */
export const headBytes = 5;
const compressedFlag = 1;

/** Length of the message behind an envelope's head. Throws where it may not come. */
function lengthOf(head: Buffer, maxBytes: number): number {
  const length = head.readUInt32BE(1);
  if (length > maxBytes) throw tooLarge(maxBytes, length);
  if (((head[0] ?? 0) & compressedFlag) !== 0) {
    throw new AgentError('COMPRESSION_UNDECLARED', 'protocol error: a compressed message without grpc-encoding');
  }
  return length;
}

function incomplete(length: number, got: number): AgentError {
  return new AgentError('MALFORMED_BODY', `protocol error: a message of ${length} bytes was promised, ${got} came`);
}

const halfEnvelope = (): AgentError => new AgentError('MALFORMED_BODY', 'protocol error: the envelope of the message is incomplete');

/** Messages that come so often that they are read in a way of their own. */
const readers = new Map<string, (bytes: Buffer) => Message>([
  [CreateEventRequestSchema.typeName, readCreateEvent],
  [PublishEventsRequestSchema.typeName, readPublishEvents],
]);

function parse(desc: DescMessage, bytes: Buffer): Message {
  try {
    return readers.get(desc.typeName)?.(bytes) ?? fromBinary(desc, bytes);
  } catch (error) {
    throw new AgentError('MALFORMED_BODY', `parse binary: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** The one message of a request. */
export function onlyMessage(desc: DescMessage, bytes: Buffer, maxBytes: number): Message {
  if (bytes.byteLength === 0) throw new AgentError('RPC_UNIMPLEMENTED', 'protocol error: there is no message in the request');
  if (bytes.byteLength < headBytes) throw halfEnvelope();
  const length = lengthOf(bytes, maxBytes);
  const got = bytes.byteLength - headBytes;
  if (got > length) throw new AgentError('RPC_UNIMPLEMENTED', 'protocol error: more than one message in the request');
  if (got < length) throw incomplete(length, got);
  return parse(desc, bytes.subarray(headBytes));
}

interface Reader {
  resolve(result: IteratorResult<Message>): void;
  reject(error: unknown): void;
}

/**
 * The messages of a stream. Nothing is read before it is asked for: a client that is too fast waits by flow control. An iterator by hand, which
 * costs a message one promise; it is asked for one message at a time.
 */
export class IncomingMessages implements AsyncIterableIterator<Message> {
  readonly #exchange: Exchange;
  readonly #desc: DescMessage;
  readonly #maxBytes: () => number;
  /** What came and was not taken yet. */
  #chunks: Buffer[] = [];
  #size = 0;
  /** So much must be there before it is worth a look. */
  #needed = headBytes;
  #reader: Reader | undefined;
  #ended = false;
  #failure: unknown;
  #over = false;

  constructor(exchange: Exchange, desc: DescMessage, maxBytes: () => number) {
    this.#exchange = exchange;
    this.#desc = desc;
    this.#maxBytes = maxBytes;
    exchange.onLost(() => {
      this.#failure ??= new AgentError('CANCELED', 'the client left before its body was whole');
      this.#serve();
    });
    exchange.body.on('readable', this.#serve).on('end', this.#end);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Message>> {
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
      this.#serve();
    });
  }

  return(): Promise<IteratorResult<Message>> {
    this.#stop();
    this.#reader?.resolve({ done: true, value: undefined });
    this.#reader = undefined;
    return Promise.resolve({ done: true, value: undefined });
  }

  #stop(): void {
    this.#over = true;
    this.#chunks = [];
    this.#size = 0;
    this.#exchange.body.off('readable', this.#serve).off('end', this.#end);
  }

  readonly #end = (): void => {
    this.#ended = true;
    this.#serve();
  };

  /** Gives the reader that waits what there is for it. */
  readonly #serve = (): void => {
    const reader = this.#reader;
    if (reader === undefined) return;
    try {
      const result = this.#result();
      if (result === undefined) return;
      this.#reader = undefined;
      reader.resolve(result);
    } catch (error) {
      this.#reader = undefined;
      this.#stop();
      reader.reject(error);
    }
  };

  #result(): IteratorResult<Message> | undefined {
    if (this.#over) return { done: true, value: undefined };
    for (let message = this.#take(); ; message = this.#take()) {
      if (message !== undefined) return { done: false, value: message };
      const chunk: Buffer | null = this.#exchange.body.destroyed ? null : this.#exchange.body.read();
      if (chunk === null) break;
      this.#chunks.push(chunk);
      this.#size += chunk.byteLength;
    }
    if (this.#ended) {
      if (this.#size > 0) throw this.#needed > headBytes ? incomplete(this.#needed - headBytes, this.#size - headBytes) : halfEnvelope();
      this.#stop();
      return { done: true, value: undefined };
    }
    if (this.#failure !== undefined) throw this.#failure;
    return undefined;
  }

  /** The next message, where it is there to its end. */
  #take(): Message | undefined {
    if (this.#size < this.#needed) return undefined;
    const [first = Buffer.alloc(0)] = this.#chunks;
    const bytes = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks, this.#size);
    this.#chunks = [bytes];
    this.#needed = headBytes + lengthOf(bytes, this.#maxBytes());
    if (this.#size < this.#needed) return undefined;
    const message = parse(this.#desc, bytes.subarray(headBytes, this.#needed));
    this.#size -= this.#needed;
    this.#chunks = this.#size === 0 ? [] : [bytes.subarray(this.#needed)];
    this.#needed = headBytes;
    return message;
  }
}
