/** Writes with a request_id are done once: the same id and request get the same answer again. */
import { createHash } from 'node:crypto';
import { type DescMessage, fromBinary, type Message, type MessageShape, toBinary, toJson } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { createContextValues, type HandlerContext } from '@connectrpc/connect';
import { AgentError } from '../../kernel/errors.ts';
import { callOf } from '../calls.ts';
import { encodeMessage } from '../codec/binary.ts';
import { type Answered, type Call, callKey, type RpcMethod, type UnaryRun } from '../seam.ts';
import { decodeRefusal, encodeRefusal } from './kept-answer.ts';

/** What was answered to which request, kept for 24 h. */
export interface RequestMemory {
  /** Runs `fn` once for one `key` and answers its bytes ever after; another `bodyHash` is REQUEST_ID_REUSED. Nothing is kept where `fn` fails. */
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

/** The context of work that its caller may leave: nobody's going away ends it, the end of the agent apart. */
function unattended(context: HandlerContext, call: Call): HandlerContext {
  const { signal } = new AbortController();
  const { protocol, method, principal, span, peer, via, local, rest } = call;
  const own: Call = {
    ...{ protocol, method, principal, span, peer, via, local, rest, signal, reason: undefined },
    cut: (error) => call.cut(error),
    audited: () => call.audited(),
    outcome: (code, error) => call.outcome(code, error),
    holdUntil: (promise) => call.holdUntil(promise),
    expireIn: () => {},
    heartbeat: () => {},
    onStop: () => {},
  };
  const values = createContextValues().set(callKey, own);
  return Object.create(context, { signal: { value: signal }, values: { value: values }, call: { value: own } });
}

/** What `work` answers, unless the caller's signal fires first: then its reason, while the work goes on. */
function unlessLeft<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const left = (): void => reject(signal.reason);
    signal.addEventListener('abort', left, { once: true });
    if (signal.aborted) left();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', left));
  });
}

/** Whether a method takes a request_id and changes something. */
export function asksOnce({ desc }: RpcMethod): boolean {
  if (desc.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return false;
  return desc.input.fields.some((field) => field.name === 'request_id');
}

/** The memory knows keys alone; a caller is told the id that it sent. */
function named(error: unknown, requestId: string): unknown {
  if (!(error instanceof AgentError) || error.reason !== 'REQUEST_ID_REUSED') return error;
  return new AgentError(error.reason, `the request_id ${requestId} came with another request before`, {
    metadata: { request_id: requestId },
  });
}

/**
 * The work of a method behind the memory. Whoever asks again with the same id after a lost connection or a passed deadline gets what
 * the first call led to: so that work goes on without its caller, and holds the call's place until it is done.
 */
export function remembered(memory: RequestMemory, method: RpcMethod, work: UnaryRun): UnaryRun {
  const { input, output, name, parent } = method.desc;
  return async (message, context) => {
    const requestId = requestIdOf(message);
    if (requestId === '') return work(message, context);
    const call = callOf(context);
    let first: Answered | undefined;
    const done = async (): Promise<Uint8Array> => {
      try {
        first = await work(message, unattended(context, call));
        return encodeMessage(output, first);
      } catch (error) {
        const refusal = encodeRefusal(error);
        if (refusal === undefined) throw error;
        return refusal;
      }
    };
    const key = `${call.principal.id}/${parent.typeName}.${name}/${requestId}`;
    const bytes = memory.run(key, requestHash(input, message), done).catch((error: unknown) => {
      throw named(error, requestId);
    });
    call.holdUntil(bytes);
    const answered = await unlessLeft(bytes, context.signal);
    if (first !== undefined) return first;
    const refusal = decodeRefusal(answered);
    if (refusal !== undefined) throw refusal;
    return fromBinary(output, answered);
  };
}
