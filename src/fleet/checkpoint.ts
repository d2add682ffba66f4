import { randomUUID } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import type { Store } from '../store/index.ts';
import type { Logger } from '../telemetry/types.ts';
import type { Forwarded } from './fleet-procedures.ts';

/** How often at most it is written. What is done since is looked up in the stream after a kill. */
const writeEveryMs = 250;

/** A place up to which everything is in the stream. */
export interface Place {
  readonly revision: number;
  /** Of the stream; 0 = none yet. */
  readonly sequence: number;
}

export interface Checkpoint {
  readonly journalId: string;
  place(): Place;
  /** Everything up to there is in the stream. */
  advance(place: Place): void;
  /** Resolves when it is written. */
  flush(): Promise<void>;
}

export interface CheckpointOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}

export async function openCheckpoint({ store, clock, logger }: CheckpointOptions): Promise<Checkpoint> {
  const { journalId, ...first } = await store.write<Forwarded>('fleet', 'begin', randomUUID());
  let place: Place = first;
  let written = first.revision;
  let cancel: (() => void) | undefined;

  const write = async (): Promise<void> => {
    cancel = undefined;
    if (place.revision === written) return;
    const now = place;
    await store.write('fleet', 'advance', now);
    written = now.revision;
  };
  const later = (): void => {
    cancel ??= clock.after(writeEveryMs, () => {
      write().catch((error: unknown) =>
        logger.debug({ err: error }, 'how far the fleet has come is not written; it is looked up in the stream'),
      );
    });
  };
  return {
    journalId,
    place: () => place,
    advance(next) {
      place = { revision: Math.max(place.revision, next.revision), sequence: Math.max(place.sequence, next.sequence) };
      later();
    },
    async flush() {
      cancel?.();
      await write().catch(() => {});
    },
  };
}
