import type { KV } from '@nats-io/kv';
import type { Clock } from '../kernel/clock.ts';

/** Which agent watches over the others: the one whose name stands in a key that it renews. What it has found stands there too, for whoever follows it. */
export interface Lease<T> {
  /** Looks, and takes the key where it is free. Answers what stands there while this agent has it. */
  look(bucket: KV): Promise<T | undefined>;
  /** Renews the lease and writes what stands there. Throws where another agent has taken it: then nothing may be told. */
  renew(bucket: KV, found: T): Promise<void>;
  /** Leaves it to others, at once. */
  release(bucket: KV): Promise<void>;
  isMine(): boolean;
}

interface Held<T> {
  /** Empty: nobody has it. */
  readonly holder: string;
  readonly heartbeat_seconds: number;
  readonly found: T;
}

export interface LeaseOptions<T> {
  readonly key: string;
  /** Of this agent. */
  readonly name: string;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  /** What stands there first. */
  readonly nothing: T;
}

/** A lease that was not renewed for so many heartbeats of its holder is free. It is renewed twice a heartbeat. */
const lapsedAfter = 1.5;

export function createLease<T>({ key, name, heartbeatMs, clock, nothing }: LeaseOptions<T>): Lease<T> {
  let mine: { readonly revision: number; readonly found: T } | undefined;
  /** The lease of another agent, and since when it is the same. */
  let other: { readonly revision: number; readonly sinceMs: number } | undefined;

  const held = (holder: string, found: T): string => JSON.stringify({ holder, heartbeat_seconds: heartbeatMs / 1000, found });
  const take = async (bucket: KV, revision: number, found: T): Promise<T> => {
    mine = { revision: await bucket.put(key, held(name, found), { previousSeq: revision }), found };
    return found;
  };
  return {
    async look(bucket) {
      const entry = await bucket.get(key);
      const current = entry === null || entry.operation !== 'PUT' ? undefined : entry.json<Held<T>>();
      if (entry === null || current === undefined) return take(bucket, entry?.revision ?? 0, nothing);
      if (mine?.revision === entry.revision) return mine.found;
      mine = undefined;
      // Its own name: it was killed and is back.
      if (current.holder === '' || current.holder === name) return take(bucket, entry.revision, current.found);
      if (other?.revision !== entry.revision) other = { revision: entry.revision, sinceMs: clock.monotonicMs() };
      else if (clock.monotonicMs() - other.sinceMs > lapsedAfter * current.heartbeat_seconds * 1000)
        return take(bucket, entry.revision, current.found);
      return undefined;
    },
    async renew(bucket, found) {
      if (mine === undefined) throw new Error('the lease is not held');
      const { revision } = mine;
      mine = undefined;
      await take(bucket, revision, found);
    },
    async release(bucket) {
      if (mine === undefined) return;
      const { revision, found } = mine;
      mine = undefined;
      await bucket.put(key, held('', found), { previousSeq: revision });
    },
    isMine: () => mine !== undefined,
  };
}
