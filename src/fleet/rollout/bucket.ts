/** The bucket of the rollouts: what lies there under which key, and how the shared state is changed. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { parseState } from './shapes.ts';
import type { RolloutState } from './types.ts';

export const keys = {
  /** Sealed; never changed. */
  plan: (id: string) => `rollout.${id}.plan`,
  /** The config itself, gzip. It has what secrets the operator wrote into it. */
  content: (id: string) => `content.${id}`,
  /** The newest, sealed. */
  order: (id: string) => `rollout.${id}.order`,
  /** Where it stands, as all share it. */
  state: (id: string) => `rollout.${id}.state`,
  /** What one agent says of its part. */
  part: (id: string, agent: string) => `agent.${id}.${agent}`,
} as const;

/** First token of what every agent follows. */
export const followed = 'rollout';

/** What all rollouts together may take in the servers. Beyond it nothing new is taken, until old ones are removed. */
const maxBytes = 256 << 20;
/** Largest config that is taken out of the bucket. */
export const maxContentBytes = 4 << 20;
/** Attempts of one change before others are let go first. */
const attempts = 8;
/** What JetStream says where somebody else was first. */
const wrongSequenceCodes: readonly unknown[] = [10071, 10164];

export function openBucket(connection: NatsConnection, name: string): Promise<KV> {
  return new Kvm(connection).create(name, { history: 1, max_bytes: maxBytes });
}

export function packContent(content: string): Uint8Array {
  return gzipSync(content);
}

/** Throws where it is no such thing, or larger than an agent takes. */
export function unpackContent(bytes: Uint8Array): string {
  return gunzipSync(bytes, { maxOutputLength: maxContentBytes }).toString('utf8');
}

export interface Change {
  /** undefined where there was none. */
  readonly before: RolloutState | undefined;
  readonly after: RolloutState;
}

export interface Changed {
  /** As it is in the bucket now; undefined where there is none. */
  readonly state: RolloutState | undefined;
  /** What was written; undefined where nothing was, since nothing was wanted or others were first too often. */
  readonly change: Change | undefined;
}

/** Changes a state by compare-and-set: `next` is asked again with what others wrote meanwhile, and answers what it was given where it wants no change. */
export async function changeState(
  bucket: KV,
  id: string,
  next: (state: RolloutState | undefined) => RolloutState | undefined,
): Promise<Changed> {
  const key = keys.state(id);
  let before: RolloutState | undefined;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const entry = await bucket.get(key);
    before = entry === null || entry.operation !== 'PUT' ? undefined : parseState(entry.string());
    const after = next(before);
    if (after === undefined || after === before) break;
    try {
      const text = JSON.stringify(after);
      await (entry === null ? bucket.create(key, text) : bucket.update(key, text, entry.revision));
      return { state: after, change: { before, after } };
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
  }
  return { state: before, change: undefined };
}

/** Whether somebody else was first. */
export function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && wrongSequenceCodes.includes(error.code);
}
