import { DiscardPolicy, type JetStreamManager, RetentionPolicy, StorageType, type StoredMsg } from '@nats-io/jetstream';
import type { Subjects } from './subjects.ts';

const dayNs = 86_400 * 1_000_000_000;
/** What is kept of the fleet's events where nobody has set up the stream before. */
const kept = { max_age: 7 * dayNs, max_bytes: 2 ** 31, duplicate_window: 120 * 1_000_000_000 } as const;

/** Makes the stream where there is none. One that an operator has set up stays as it is. Resolves to whether it takes several messages at once, all or none. */
export async function ensureEventStream(
  manager: JetStreamManager,
  { eventStream, allEvents }: Subjects,
): Promise<{ readonly isAtomic: boolean }> {
  try {
    const { config } = await manager.streams.info(eventStream);
    return { isAtomic: config.allow_atomic === true };
  } catch {
    const { config } = await manager.streams.add({
      name: eventStream,
      subjects: [allEvents],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      allow_direct: true,
      allow_atomic: true,
      ...kept,
    });
    return { isAtomic: config.allow_atomic === true };
  }
}

export interface Span {
  readonly stream: string;
  /** May have wildcards. */
  readonly subject: string;
  /** The first place, or the first time, that is asked for. */
  readonly from: number | Date;
  readonly most: number;
}

export interface Batch {
  readonly messages: readonly StoredMsg[];
  /** Whether there were more at that time. */
  readonly more: boolean;
}

/** Bytes of one batch, about: it ends with the message that goes beyond. */
const batchBytes = 4 << 20;

/**
 * Messages of a subject as the stream has them from a place on. It needs no consumer: who may make one could have the server deliver to any subject,
 * whatever the permissions say.
 */
export async function readBatch(manager: JetStreamManager, { stream, subject, from, most }: Span): Promise<Batch> {
  const messages: StoredMsg[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const start = typeof from === 'number' ? { seq: from } : { start_time: from };
  await manager.direct.getBatch(stream, {
    ...{ ...start, next_by_subj: subject, batch: most, max_bytes: batchBytes },
    // With an iterator instead, the client keeps the subscription for good.
    callback(done, message) {
      if (done === null) messages.push(message);
      else if (done.err === undefined || isNotFound(done.err)) resolve();
      else reject(done.err);
    },
  });
  await promise;
  return { messages, more: messages.length === most || (messages.at(-1)?.pending ?? 0) > 0 };
}

/**
 * Whether a message was read from a stream before it was stored. Whoever may ask for messages may name any reply subject, which no permission binds:
 * so a message could be stored anew under the subject of another agent.
 */
export function isReplayed({ header }: StoredMsg): boolean {
  return header.values('Nats-Stream').length > 1;
}

/** Message ids, with their places, that the stream has of a subject from a place on: at most `most`, which is more than can have been sent since. */
export async function storedSince(manager: JetStreamManager, span: Span): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  // A replica that lags may miss what was stored last: the stream itself knows that as a duplicate, for as long as that can be.
  for (let { from } = span; found.size < span.most; ) {
    const { messages, more } = await readBatch(manager, { ...span, from, most: Math.min(1000, span.most) });
    for (const { header, seq } of messages) found.set(header.get('Nats-Msg-Id'), seq);
    from = (messages.at(-1)?.seq ?? 0) + 1;
    if (!more) break;
  }
  return found;
}

/** So the server says that there is nothing more. */
function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 404;
}
