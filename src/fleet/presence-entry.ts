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
