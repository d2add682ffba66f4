/** Writes with a request_id are done once: the same id and request get the same answer again. */
import { createHash } from 'node:crypto';
import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type Message,
  type MessageShape,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import type { HandlerContext, MethodImpl } from '@connectrpc/connect';
import { callIn } from '../calls.ts';

/** What was answered to which request, kept for 24 h. */
export interface RequestMemory {
  /** Runs `fn` once for one `key` and answers its bytes ever after; another `bodyHash` is REQUEST_ID_REUSED. Failures are not remembered. */
  run(key: string, bodyHash: string, fn: () => Promise<Uint8Array>): Promise<Uint8Array>;
}

type Unary = (message: Message, context: HandlerContext) => Promise<Message> | Message;

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, canonical(item)]);
}

function saidBy<D extends DescMessage>(schema: D, message: MessageShape<D>): string | Uint8Array {
  try {
    return JSON.stringify(canonical(toJson(schema, message)));
  } catch {
    // JSON has no form for some masks (capitals, hyphens).
    return toBinary(schema, message);
  }
}

/** Hash of what a request says, however its codec ordered it. */
export function requestHash<D extends DescMessage>(schema: D, message: MessageShape<D>): string {
  return createHash('sha256').update(saidBy(schema, message)).digest('hex');
}

function requestIdOf(message: Message): string {
  return 'requestId' in message && typeof message.requestId === 'string' ? message.requestId : '';
}

/**
 * The implementation of a method behind the memory. Not an interceptor: an answer that does not come from the implementation would
 * lack the headers that Connect gives to what does, and a gRPC client takes it for a broken stream.
 */
export function idempotent(memory: RequestMemory, method: DescMethod, implementation: MethodImpl<DescMethod>): MethodImpl<DescMethod> {
  if (method.methodKind !== 'unary' || method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return implementation;
  const run = implementation as Unary;
  const { input, output, name, parent } = method;
  const once: Unary = async (message, context) => {
    const requestId = requestIdOf(message);
    if (requestId === '') return run(message, context);
    const caller = callIn(context.values)?.principal.id ?? '';
    let first: Message | undefined;
    const bytes = await memory.run(`${caller}/${parent.typeName}.${name}/${requestId}`, requestHash(input, message), async () => {
      first = create(output, await run(message, context));
      return toBinary(output, first);
    });
    return first ?? fromBinary(output, bytes);
  };
  return once as MethodImpl<DescMethod>;
}
