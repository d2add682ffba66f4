import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { type FleetMember, type PresenceEntry, parsePresence, presenceState } from './presence-entry.ts';
import { isReplayed, readBatch } from './stream.ts';

/** What is known of one agent by its entry. */
export interface RosterEntry extends PresenceEntry {
  /** When it was written, by the clock of the servers. */
  readonly timeMs: number;
  /** Its revision in the bucket. */
  readonly revision: number;
}

/**
 * The entries of all agents, followed: each reading asks for what was written since the one before.
 */
export interface Roster {
  /** Of the bucket. */
  readonly stream: string;
  /** `written` is a revision that the bucket has by now, or gives next: where that or more is known already, the bucket is another one. */
  read(manager: JetStreamManager, written: number): Promise<void>;
  entries(): ReadonlyMap<string, RosterEntry>;
  clear(): void;
}

const batch = 1000;

export function createRoster(bucketName: string): Roster {
  const entries = new Map<string, RosterEntry>();
  const [stream, prefix] = [`KV_${bucketName}`, `$KV.${bucketName}.`];
  let known = 0;

  const clear = (): void => {
    entries.clear();
    known = 0;
  };
  const take = (message: StoredMsg): void => {
    known = message.seq;
    const name = message.subject.slice(prefix.length);
    if (message.header.get('KV-Operation') !== '') return void entries.delete(name);
    const entry = isReplayed(message) ? undefined : parsePresence(message.string());
    // Anything else stands there until the agent itself writes its next entry.
    if (entry?.name === name) entries.set(name, { ...entry, timeMs: message.time.getTime(), revision: message.seq });
  };
  return {
    stream,
    async read(manager, written) {
      if (known >= written) clear();
      for (let more = true; more; ) {
        const span = { stream, subject: `${prefix}>`, from: known + 1, most: batch };
        const read = await readBatch(manager, span);
        for (const message of read.messages) take(message);
        more = read.more;
      }
    },
    entries: () => entries,
    clear,
  };
}

/** The agents by name, as the bucket has them now. Ages are told by the clock of the servers alone. */
export async function readMembers(manager: JetStreamManager, roster: Roster): Promise<readonly FleetMember[]> {
  const { ts, state } = await manager.streams.info(roster.stream);
  await roster.read(manager, state.last_seq + 1);
  return membersOf(roster, ts === undefined ? 0 : Date.parse(ts));
}

function membersOf(roster: Pick<Roster, 'entries'>, nowMs: number): readonly FleetMember[] {
  const members = [...roster.entries().values()].map(({ timeMs: seenMs, revision: _, ...said }): FleetMember => {
    const ageMs = Math.max(0, nowMs - seenMs);
    return { ...said, state: presenceState(said, ageMs), seenMs, age_seconds: Math.round(ageMs / 1000) };
  });
  return members.sort((a, b) => (a.name < b.name ? -1 : 1));
}
