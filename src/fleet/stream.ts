import { DiscardPolicy, type JetStreamManager, RetentionPolicy, StorageType, type StoredMsg } from '@nats-io/jetstream';
import type { Subjects } from './subjects.ts';

const dayNs = 86_400 * 1_000_000_000;
/** What is kept of the fleet's events where nobody has set up the stream before. */
const kept = { max_age: 7 * dayNs, max_bytes: 2 ** 31, duplicate_window: 120 * 1_000_000_000 } as const;

/** Makes the stream where there is none. One that an operator has set up stays as it is. */
export async function ensureEventStream(manager: JetStreamManager, { eventStream, allEvents }: Subjects): Promise<void> {
  try {
    await manager.streams.info(eventStream);
  } catch {
    await manager.streams.add({
      name: eventStream,
      subjects: [allEvents],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      allow_direct: true,
      ...kept,
    });
  }
}

export interface Span {
  readonly stream: string;
  readonly subject: string;
  /** The first place that is asked for. */
  readonly sequence: number;
  readonly most: number;
}

/** Messages of a subject as the stream has them from a place on: at most `most`. It needs no consumer. */
export async function* messagesAfter(manager: JetStreamManager, { stream, subject, sequence, most }: Span): AsyncGenerator<StoredMsg> {
  try {
    yield* await manager.direct.getBatch(stream, { seq: sequence, next_by_subj: subject, batch: most });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Message ids, with their places, that the stream has of a subject from a place on: at most `most`, which is what can have been in flight. */
export async function storedSince(manager: JetStreamManager, span: Span): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  // A replica that lags may miss what was stored last: the stream itself knows that as a duplicate, for as long as that can be.
  for await (const message of messagesAfter(manager, span)) found.set(message.header.get('Nats-Msg-Id'), message.seq);
  return found;
}

/** So the server says that there is nothing more. */
function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 404;
}
