/** Our gRPC beside Connect's own, over the same methods. */
import assert from 'node:assert/strict';
import { type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { StatusSchema } from '../../gen/es/google/rpc/status_pb.js';
import { EventService } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import { ProcessService } from '../../gen/es/sboxagent/v1/process_service_pb.js';
import { serveMethods } from '../../src/api/dispatch/dispatch.ts';
import { createConnectHandlers } from '../../src/api/protocols/connect-handlers.ts';
import { createGrpc } from '../../src/api/protocols/grpc.ts';
import type { Mounted, ServedMethod } from '../../src/api/seam.ts';
import type { Head } from '../../src/api/transports/exchange.ts';
import type { ErrorReason } from '../../src/kernel/catalogue.ts';
import { AgentError, invalid } from '../../src/kernel/errors.ts';
import { testCall } from './api-server.ts';
import { type Body, MemoryExchange } from './memory-exchange.ts';
import { pick, type Random, randomMessage, seeded } from './random-message.ts';

export const maxBytes = 64 * 1024;

const reasons: readonly ErrorReason[] = ['PROCESS_NOT_FOUND', 'ETAG_STALE', 'DISK_FULL', 'INTERNAL', 'SHUTTING_DOWN', 'TOKEN_INVALID'];
const texts = ['it is gone', 'nicht möglich: 50 %', 'line\nbreak', '\u{1f6f0} '.repeat(200), ''];

function failure(random: Random): unknown {
  if (random() < 0.2) return new Error('a secret');
  if (random() < 0.3) return invalid(Array.from({ length: 40 }, (_, i) => ({ field: `f${i}`, message: pick(random, texts), rule: 'r' })));
  const metadata = { id: pick(random, texts) };
  return new AgentError(pick(random, reasons), pick(random, texts), { metadata, ...(random() < 0.5 && { retryAfterMs: 1500 }) });
}

/** What a method answers is decided by the request alone, so that both ways lead to the same. */
function answers(desc: { readonly input: DescMessage; readonly output: DescMessage }) {
  const randomOf = (request: Message): Random => seeded(toBinary(desc.input, request).reduce((sum, byte) => (sum * 31 + byte) >>> 0, 7));
  return {
    unary(request: Message): Message {
      const random = randomOf(request);
      if (random() < 0.3) throw failure(random);
      return randomMessage(desc.output, random);
    },
    async *stream(request: Message): AsyncGenerator<Message> {
      const random = randomOf(request);
      const count = Math.floor(random() * 4);
      for (let i = 0; i < count; i += 1) yield randomMessage(desc.output, random);
      if (random() < 0.3) throw failure(random);
    },
  };
}

const services = [EventService, ProcessService];
const mounted = services.map((service) => ({
  service,
  implementation: Object.fromEntries(
    service.methods.map((desc) => [desc.localName, desc.methodKind === 'unary' ? answers(desc).unary : answers(desc).stream]),
  ),
})) as unknown as Mounted[];
export const methods = serveMethods(mounted, { validate: () => {}, memory: undefined }).filter(
  ({ run }) => run.kind === 'unary' || run.kind === 'server_streaming',
);
const handlers = createConnectHandlers({
  connect: { readMaxBytes: maxBytes },
  jsonLimits: () => ({ jsonDepth: 32 }),
  details: true,
});
const grpc = createGrpc({ handlers: () => handlers, maxBytes: () => maxBytes, details: true });

export type Way = 'ours' | 'connect';

/** The body may come in parts. */
export async function ask(way: Way, method: ServedMethod, body: Body, headers: Record<string, string> = {}): Promise<MemoryExchange> {
  const exchange = new MemoryExchange(method.path, { 'content-type': 'application/grpc', te: 'trailers', ...headers }, body);
  const call = testCall(method, { protocol: 'grpc' });
  if (way === 'ours') await grpc.serve(call, exchange, undefined);
  else await handlers.serve(call, exchange);
  return exchange;
}

/** What a client reads: an error alone may come as headers or as trailers. */
export function read(exchange: MemoryExchange) {
  const said: Head = { ...exchange.head, ...exchange.trailers };
  const details = Buffer.from(String(said['grpc-status-details-bin'] ?? ''), 'base64');
  const message = decodeURIComponent(String(said['grpc-message'] ?? ''));
  return {
    status: exchange.status,
    type: String(said['content-type']).replace('+proto', ''),
    body: Buffer.concat(exchange.chunks).toString('hex'),
    code: said['grpc-status'],
    // As trailers a long one is cut; whole it stands in the details.
    message: message.length >= 80 ? message.slice(0, 80) : message,
    details: details.byteLength === 0 ? undefined : fromBinary(StatusSchema, details),
    retryAfter: said['retry-after'],
  };
}

export function envelope(message: Uint8Array, flag = 0, length = message.byteLength): Buffer {
  const frame = Buffer.alloc(5 + message.byteLength);
  frame[0] = flag;
  frame.writeUInt32BE(length, 1);
  frame.set(message, 5);
  return frame;
}

/** The generated requests of these seeds, each both ways: the answers and the errors are the same, and of many kinds. */
export async function compareGenerated(from: number, to: number): Promise<void> {
  const codes = new Map<unknown, number>();
  for (let seed = from; seed < to; seed += 1) {
    const random = seeded(seed);
    const method = pick(random, methods);
    const body = envelope(toBinary(method.desc.input, randomMessage(method.desc.input, random)));
    const [ours, theirs] = [read(await ask('ours', method, body)), read(await ask('connect', method, body))];
    assert.deepEqual(ours, theirs, `seed ${seed}: ${method.path}`);
    codes.set(ours.code, (codes.get(ours.code) ?? 0) + 1);
  }
  assert.ok(codes.size >= 7, `answers of many kinds: ${[...codes].join(' ')}`);
}
