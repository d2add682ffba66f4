import { isAgent, isCount, isText, listOf, mapOf, oneOf, parseAs, shaped } from './shape.ts';

/** How an agent is, as its entry in the bucket says it; JSON. */
export interface PresenceEntry {
  readonly name: string;
  /** `LEFT`: it ended on purpose. */
  readonly state: 'UP' | 'LEFT';
  readonly version: string;
  readonly health: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly units: readonly { readonly id: string; readonly state: string }[];
  readonly alerts_firing: number;
  /** Newest revision of its journal, and of what the fleet has of it. */
  readonly last_revision: number;
  readonly forwarded_revision: number;
  readonly heartbeat_seconds: number;
  readonly time: string;
}

const mostLabels = 100;
const mostUnits = 10_000;
const longestHeartbeatSeconds = 86_400;

const isEntry = shaped<PresenceEntry>({
  name: isAgent,
  state: oneOf(['UP', 'LEFT']),
  version: isText,
  health: isText,
  labels: mapOf(isText, mostLabels),
  units: listOf(shaped<PresenceEntry['units'][number]>({ id: isText, state: isText }), mostUnits),
  alerts_firing: isCount,
  last_revision: isCount,
  forwarded_revision: isCount,
  heartbeat_seconds: (value) => typeof value === 'number' && value > 0 && value <= longestHeartbeatSeconds,
  time: isText,
});

/** undefined: it is none. An agent of another version may not say all of it, or more: what is not known here is left out. */
export function parsePresence(text: string): PresenceEntry | undefined {
  const said = parseAs<Partial<PresenceEntry>>(text, (value) => isEntry({ ...fallback, ...(value as object) }));
  if (said === undefined) return undefined;
  const { name, state, version, health, labels, units, alerts_firing, last_revision, forwarded_revision, heartbeat_seconds, time } = {
    ...fallback,
    ...(said as PresenceEntry),
  };
  const known = { name, state, version, health, labels, alerts_firing, last_revision, forwarded_revision, heartbeat_seconds, time };
  return { ...known, units: units.map((unit) => ({ id: unit.id, state: unit.state })) };
}

const fallback = { labels: {}, units: [], alerts_firing: 0, last_revision: 0, forwarded_revision: 0 } as const;

/** An agent of the fleet as others see it. */
export interface FleetMember extends Omit<PresenceEntry, 'state'> {
  readonly state: PresenceState;
  /** When its entry was written, and how long ago that is, by the clock of the servers. */
  readonly seenMs: number;
  readonly age_seconds: number;
}

export type PresenceState = 'UP' | 'LEFT' | 'GONE';

/** After so many heartbeats that were not heard an agent is gone. */
const missedHeartbeats = 2;

/** `GONE`: it said that it is there, and then nothing for two heartbeats. */
export function presenceState(entry: Pick<PresenceEntry, 'state' | 'heartbeat_seconds'>, ageMs: number): PresenceState {
  return entry.state === 'UP' && ageMs > missedHeartbeats * entry.heartbeat_seconds * 1000 ? 'GONE' : entry.state;
}
