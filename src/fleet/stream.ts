import { DiscardPolicy, type JetStreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
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

/** Message ids, with their places, that the stream has of a subject from a place on: at most `most`, which is what can have been in flight. */
export async function storedSince(
  manager: JetStreamManager,
  {
    stream,
    subject,
    sequence,
    most,
  }: { readonly stream: string; readonly subject: string; readonly sequence: number; readonly most: number },
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  // A replica that lags may miss what was stored last: the stream itself knows that as a duplicate, for as long as that can be.
  try {
    for await (const message of await manager.direct.getBatch(stream, { seq: sequence, next_by_subj: subject, batch: most })) {
      found.set(message.header.get('Nats-Msg-Id'), message.seq);
    }
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return found;
}

/** So the server says that there is nothing more. */
function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 404;
}
