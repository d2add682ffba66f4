import type { Message } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import type { Interceptor, UnaryRequest } from '@connectrpc/connect';
import { type AgentError, agentError } from './errors.ts';

const firstPauseMs = 100;
const longestPauseMs = 2000;
const mostAttempts = 20;

/** The bearer token goes along with every call; it is asked for each time, since a file may have a newer one. */
export function authorize(token: () => string | undefined): Interceptor {
  return (next) => (request) => {
    const value = token();
    if (value !== undefined) request.header.set('authorization', `Bearer ${value}`);
    return next(request);
  };
}

/**
 * Repeats what is safe to repeat while the agent is away or asks to wait: reads, and writes with a request_id, which is made here where the
 * caller gave none. The time of the whole call bounds it.
 */
export const repeatCalls: Interceptor = (next) => async (request) => {
  if (request.stream || !isRepeatable(request)) return next(request);
  for (let attempt = 1; ; attempt++) {
    try {
      return await next(request);
    } catch (error) {
      const pauseMs = attempt < mostAttempts ? pauseAfter(agentError(error), attempt) : undefined;
      if (pauseMs === undefined) throw error;
      await pause(pauseMs, request.signal);
    }
  }
};

/** A read; or a write that the agent does once, however often it is asked. */
function isRepeatable({ method, message }: UnaryRequest): boolean {
  if (method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return true;
  const id = method.input.fields.find(({ name }) => name === 'request_id');
  if (id === undefined) return false;
  const values = message as Message & Record<string, unknown>;
  if (values[id.localName] === '') values[id.localName] = crypto.randomUUID();
  return true;
}

function pauseAfter({ code, retryAfterMs }: AgentError, attempt: number): number | undefined {
  if (code !== 'UNAVAILABLE' && retryAfterMs === undefined) return undefined;
  const growing = Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs) * (0.5 + Math.random() / 2);
  return Math.max(growing, retryAfterMs ?? 0);
}

/** Rejects with the reason of the signal where that comes first. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const end = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', end);
      resolve();
    }, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}
