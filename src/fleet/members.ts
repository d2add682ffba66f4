import { jetstreamManager } from '@nats-io/jetstream';
import type { Clock } from '../kernel/clock.ts';
import { untilAborted } from '../kernel/until-aborted.ts';
import { within } from '../kernel/within.ts';
import type { Link } from './link.ts';
import type { FleetMember } from './presence-entry.ts';
import { createRoster, readMembers } from './roster.ts';

/** The agents of the fleet for whoever asks this one. */
export interface Members {
  /** By name, as they are now; where the servers are not reached in time, as they were known last. */
  list(): Promise<{ readonly members: readonly FleetMember[]; readonly isReached: boolean }>;
}

/** What was read so lately is not read again: many may look at a page at once. */
const freshMs = 1000;
const longestMs = 3000;

export function createMembers({
  link,
  bucketName,
  clock,
}: {
  readonly link: Link;
  readonly bucketName: string;
  readonly clock: Clock;
}): Members {
  const roster = createRoster(bucketName);
  let known: readonly FleetMember[] = [];
  let readAtMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  const read = async (): Promise<void> => {
    const manager = await jetstreamManager(await link.connected(link.lost()), { checkAPI: false });
    known = await untilAborted(readMembers(manager, roster), link.lost());
    readAtMs = clock.monotonicMs();
  };
  return {
    async list() {
      if (link.isUp() && clock.monotonicMs() - readAtMs > freshMs) {
        reading ??= read().finally(() => {
          reading = undefined;
        });
        await within(clock, longestMs, reading);
      }
      return { members: known, isReached: link.isUp() && clock.monotonicMs() - readAtMs <= freshMs + longestMs };
    },
  };
}
