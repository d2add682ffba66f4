import { AgentError } from '../../kernel/errors.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Settings } from '../../settings/types.ts';
import type { RpcMethod } from '../seam.ts';

/** What asks for a place: an RPC, or a plain route (undefined), and who asks. */
interface Applicant {
  readonly method: RpcMethod | undefined;
  readonly principal: Principal;
  /** Answered also when there is too much of everything else: the health of the agent. */
  readonly always: boolean;
}

/** How many calls are in work, by kind and by principal; the caps are judged against it. */
export interface Capacity {
  /** Takes a place, or says why there is none. The answer gives the place back, and is to be called once. */
  take(applicant: Applicant, api: Settings['api']): (() => void) | AgentError;
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

/** Counts by key; keys without a count are forgotten. */
class Tally {
  readonly counts = new Map<string, number>();
  total = 0;

  of(key: string): number {
    return this.counts.get(key) ?? 0;
  }

  add(key: string): void {
    this.total += 1;
    this.counts.set(key, this.of(key) + 1);
  }

  remove(key: string): void {
    this.total -= 1;
    const left = this.of(key) - 1;
    if (left > 0) this.counts.set(key, left);
    else this.counts.delete(key);
  }
}

/**
 * The share of each principal: one may take all places that there are, but then a tenth more (at least one) is there for each other
 * one, so that nobody can shut the rest out. In all no more than twice the places.
 */
function isFull(tally: Tally, principal: Principal, limit: number): boolean {
  const mine = tally.of(principal.id);
  if (tally.total < limit) return false;
  return mine >= Math.ceil(limit / 10) || tally.total >= 2 * limit;
}

export function createCapacity(refused: (limit: string) => void): Capacity {
  const streams = new Tally();
  const unary = new Tally();
  const methods = new Tally();

  const takeStream = (method: RpcMethod, principal: Principal, api: Settings['api']): (() => void) | AgentError => {
    const counted = counts(method);
    if (counted && !api.streams.enabled) return new AgentError('STREAMS_DISABLED', 'streams are switched off (api.streams.enabled)');
    const limit = api.streams.maxConnections;
    if (counted && isFull(streams, principal, limit)) {
      refused('streams');
      const message = `${limit} streams are open, which is api.streams.max_connections`;
      return new AgentError('STREAM_LIMIT_REACHED', message, { metadata: { limit: String(limit) }, retryAfterMs: retryMs });
    }
    if (counted) streams.add(principal.id);
    methods.add(method.path);
    return () => {
      if (counted) streams.remove(principal.id);
      methods.remove(method.path);
    };
  };

  const takeUnary = ({ principal, always }: Applicant, api: Settings['api']): (() => void) | AgentError => {
    const limit = api.limits.concurrentUnary;
    if (!always && isFull(unary, principal, limit)) {
      refused('concurrent_unary');
      const message = `${limit} calls are in work, which is api.limits.concurrent_unary`;
      return new AgentError('UNARY_LIMIT_REACHED', message, { metadata: { limit: String(limit) }, retryAfterMs: retryMs });
    }
    unary.add(principal.id);
    return () => unary.remove(principal.id);
  };

  return {
    take(applicant, api) {
      const { method, principal } = applicant;
      return method?.stream === true ? takeStream(method, principal, api) : takeUnary(applicant, api);
    },
    unary: () => unary.total,
    streams: () => streams.total,
    byMethod: () => Object.fromEntries(methods.counts),
  };
}
