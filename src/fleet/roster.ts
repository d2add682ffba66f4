import type { JetStreamManager } from '@nats-io/jetstream';
import type { PresenceEntry } from './presence-entry.ts';
import { messagesAfter } from './stream.ts';

/** What is known of one agent by its entry. */
export interface RosterEntry extends PresenceEntry {
  /** When it was written, by the clock of the servers. */
  readonly timeMs: number;
  /** Its revision in the bucket. */
  readonly revision: number;
}

/**
 * The entries of all agents, followed: each reading asks for what was written since the one before. It needs no consumer, which who may make one
 * could have deliver to any subject.
 */
export interface Roster {
  /** `written` is a revision of the bucket that was written just now: where more than that is known already, the bucket is another one. */
  read(manager: JetStreamManager, written?: number): Promise<void>;
  entries(): ReadonlyMap<string, RosterEntry>;
  clear(): void;
}

const batch = 1000;

export function createRoster(bucketName: string): Roster {
  const entries = new Map<string, RosterEntry>();
  const prefix = `$KV.${bucketName}.`;
  let known = 0;

  const clear = (): void => {
    entries.clear();
    known = 0;
  };
  return {
    async read(manager, written = Number.POSITIVE_INFINITY) {
      if (known >= written) clear();
      for (;;) {
        let taken = 0;
        for await (const message of messagesAfter(manager, {
          ...{ stream: `KV_${bucketName}`, subject: `${prefix}>`, sequence: known + 1, most: batch },
        })) {
          taken += 1;
          known = message.seq;
          const name = message.subject.slice(prefix.length);
          const entry = message.header.get('KV-Operation') === '' ? entryOf(message.string()) : undefined;
          if (entry === undefined) entries.delete(name);
          else entries.set(name, { ...entry, name, timeMs: message.time.getTime(), revision: message.seq });
        }
        if (taken < batch) return;
      }
    },
    entries: () => entries,
    clear,
  };
}

/** undefined: somebody wrote something else there. */
function entryOf(text: string): PresenceEntry | undefined {
  try {
    const entry = JSON.parse(text) as PresenceEntry;
    const { state, heartbeat_seconds: heartbeat } = entry;
    return (state === 'UP' || state === 'LEFT') && heartbeat > 0
      ? { ...entry, labels: entry.labels ?? {}, units: entry.units ?? [] }
      : undefined;
  } catch {
    return undefined;
  }
}
