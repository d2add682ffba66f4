import { AgentError } from '../../kernel/errors.ts';
import type { Settings } from '../../settings/types.ts';
import type { RpcMethod } from '../seam.ts';

/** How many calls are open, by kind; the caps are judged against it. */
export interface Capacity {
  /** Takes a place, or says why there is none. The answer gives the place back, once. */
  take(method: RpcMethod | undefined, api: Settings['api']): (() => void) | AgentError;
  unary(): number;
  streams(): number;
  /** Open streams by RPC path. */
  byMethod(): Readonly<Record<string, number>>;
}

const retryMs = 1000;

/** Reflection is asked by tools that want to find out why nothing works. */
function counts(method: RpcMethod): boolean {
  return !method.service.typeName.startsWith('grpc.reflection.');
}

export function createCapacity(refused: (limit: string) => void): Capacity {
  const streams = new Map<string, number>();
  let streamCount = 0;
  let unaryCount = 0;

  const takeStream = (method: RpcMethod, api: Settings['api']): (() => void) | AgentError => {
    if (counts(method)) {
      if (!api.streams.enabled) return new AgentError('STREAMS_DISABLED', 'streams are switched off (api.streams.enabled)');
      const limit = api.streams.maxConnections;
      if (streamCount >= limit) {
        refused('streams');
        const message = `${limit} streams are open, which is api.streams.max_connections`;
        return new AgentError('STREAM_LIMIT_REACHED', message, { metadata: { limit: String(limit) }, retryAfterMs: retryMs });
      }
      streamCount += 1;
    }
    streams.set(method.path, (streams.get(method.path) ?? 0) + 1);
    return once(() => {
      if (counts(method)) streamCount -= 1;
      streams.set(method.path, (streams.get(method.path) ?? 1) - 1);
    });
  };

  const takeUnary = (method: RpcMethod | undefined, api: Settings['api']): (() => void) | AgentError => {
    const limit = api.limits.concurrentUnary;
    // Health must be answered exactly when there is too much of everything else.
    if (unaryCount >= limit && method?.scope !== undefined) {
      refused('concurrent_unary');
      const message = `${limit} calls are in work, which is api.limits.concurrent_unary`;
      return new AgentError('UNARY_LIMIT_REACHED', message, { metadata: { limit: String(limit) }, retryAfterMs: retryMs });
    }
    unaryCount += 1;
    return once(() => {
      unaryCount -= 1;
    });
  };

  return {
    take: (method, api) => (method?.stream === true ? takeStream(method, api) : takeUnary(method, api)),
    unary: () => unaryCount,
    streams: () => streamCount,
    byMethod: () => Object.fromEntries([...streams].filter(([, count]) => count > 0)),
  };
}

function once(fn: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    fn();
  };
}
