/** Writes with a request_id are done once: the same id and request get the same answer again. */
import { createHash } from 'node:crypto';
import { type DescMessage, fromBinary, type Message, type MessageShape, toBinary, toJson } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import type { Interceptor } from '@connectrpc/connect';
import { callIn } from '../calls.ts';

/** What was answered to which request, kept for 24 h. */
export interface RequestMemory {
  /** Runs `fn` once for one `key` and answers its bytes ever after; another `bodyHash` is REQUEST_ID_REUSED. Failures are not remembered. */
  run(key: string, bodyHash: string, fn: () => Promise<Uint8Array>): Promise<Uint8Array>;
}

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

export function idempotency(memory: RequestMemory): Interceptor {
  return (next) => async (request) => {
    if (request.stream || request.method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return next(request);
    const requestId = requestIdOf(request.message);
    if (requestId === '') return next(request);
    const { input, output, name, parent } = request.method;
    const caller = callIn(request.contextValues)?.principal.id ?? '';
    let first: Awaited<ReturnType<typeof next>> | undefined;
    const bytes = await memory.run(`${caller}/${parent.typeName}.${name}/${requestId}`, requestHash(input, request.message), async () => {
      first = await next(request);
      return first.stream ? new Uint8Array() : toBinary(output, first.message);
    });
    return (
      first ?? {
        stream: false,
        service: request.service,
        method: request.method,
        header: new Headers(),
        trailer: new Headers(),
        message: fromBinary(output, bytes),
      }
    );
  };
}
