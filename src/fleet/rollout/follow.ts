import type { JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../../kernel/clock.ts';
import { untilAborted } from '../../kernel/until-aborted.ts';
import { within } from '../../kernel/within.ts';
import { isReplayed, readBatch } from '../stream.ts';

/** An entry of the bucket as it was written last. */
export interface BucketEntry {
  readonly key: string;
  readonly text: string;
  /** False where it was removed. */
  readonly isThere: boolean;
}

export interface FollowOptions {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly bucketName: string;
  /** First token of the keys that are followed. */
  readonly below: string;
  readonly take: (entry: BucketEntry) => void;
  /** All that is new has been taken. */
  readonly whole: () => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const batch = 1000;
/** Without a word that something was written it is looked so often. */
const tickMs = 15_000;
/** A write is announced before it is stored: it is looked for again after these, unless as many were found as were announced. */
const patienceMs: readonly number[] = [0, 30, 150, 500];

/**
 * Follows keys of a bucket until the signal fires or the connection is closed for good. It makes no consumer: who may make one could have the server
 * deliver to any subject. Instead it hears of writes as they are published, and reads what the bucket has since. Throws what NATS throws, and where the
 * bucket is another one than before.
 */
export async function followBucket({ connection, manager, clock, signal, ...options }: FollowOptions): Promise<void> {
  const { bucketName, below, take, whole } = options;
  const stream = `KV_${bucketName}`;
  const root = `$KV.${bucketName}.`;
  let known = 0;
  let owed = 0;
  const over = new AbortController();
  let written = Promise.withResolvers<void>();
  const end = (): void => {
    over.abort(new Error('the rollouts are no longer followed'));
    written.resolve();
  };
  const hints = connection.subscribe(`${root}${below}.>`, {
    // Who may not listen is told so here, and looks at each tick.
    callback(error) {
      if (error !== null) return;
      owed += 1;
      written.resolve();
    },
  });
  const read = async (): Promise<void> => {
    for (let more = true; more; ) {
      // The client forgets who waits for a batch when the connection is closed.
      const reading = readBatch(manager, { stream, subject: `${root}${below}.>`, from: known + 1, most: batch });
      const found = await untilAborted(reading, over.signal);
      for (const message of found.messages) {
        known = message.seq;
        owed = Math.max(0, owed - 1);
        const isThere = (message.header.get('KV-Operation') || 'PUT') === 'PUT';
        if (!isReplayed(message)) take({ key: message.subject.slice(root.length), text: message.string(), isThere });
      }
      more = found.more;
    }
    if (!over.signal.aborted) whole();
  };
  const catchUp = async (): Promise<void> => {
    for (const ms of patienceMs) {
      if (ms > 0) await clock.sleep(ms, signal);
      await read();
      if (owed === 0) return;
    }
    // Writes that were announced and refused: somebody else was first.
    owed = 0;
  };
  signal.addEventListener('abort', end, { once: true });
  connection.closed().finally(end);
  try {
    while (!over.signal.aborted) {
      await catchUp();
      const isHint = await within(clock, tickMs, written.promise);
      written = Promise.withResolvers();
      if (over.signal.aborted || isHint) continue;
      const { state } = await manager.streams.info(stream);
      if (state.last_seq < known) throw new Error('the bucket of the rollouts was made anew');
    }
  } finally {
    signal.removeEventListener('abort', end);
    hints.unsubscribe();
  }
}
