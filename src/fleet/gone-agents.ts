/** Who is gone and who is back, as one pure function of what the bucket says and of what was told before. */
import { presenceState } from './presence-entry.ts';
import type { RosterEntry } from './roster.ts';

/** Of an agent that is gone. */
export interface GoneAgent {
  /** When its last entry was written; RFC 3339, by the clock of the servers. */
  readonly last_seen: string;
  /** Of that entry: names the absence. */
  readonly revision: number;
}

export interface FleetNews {
  readonly type: 'fleet.agent_gone' | 'fleet.agent_back';
  readonly agent: string;
  readonly last_seen: string;
  /** Names the absence: it has one event a type, whoever tells it. */
  readonly revision: number;
}

/** What whoever watches has found; it stands with the lease. */
export interface Found {
  readonly gone: Readonly<Record<string, GoneAgent>>;
  /** What is not told yet. */
  readonly untold: readonly FleetNews[];
}

/** More than these are not told one by one: the metric counts them. A message of NATS must hold the list. */
export const mostGone = 3000;
/** News of one look; what is over it is found again by the next. */
export const mostNews = 500;

export interface Seen {
  readonly entries: ReadonlyMap<string, RosterEntry>;
  /** By the clock of the servers. */
  readonly nowMs: number;
  /** For how long this agent has been there itself. */
  readonly reachedForMs: number;
  readonly found: Found;
}

/** An agent is gone when it was not heard for two of its heartbeats while this one was there to hear. */
export function judgeAgents({ entries, nowMs, reachedForMs, found }: Seen): Found {
  const gone = new Map<string, GoneAgent>();
  const untold = [...found.untold];
  for (const [name, was] of Object.entries(found.gone)) {
    const entry = entries.get(name);
    // Removed by hand, or ended on purpose: there is nothing more to wait for.
    if (entry === undefined || entry.state === 'LEFT') continue;
    if (entry.revision === was.revision || untold.length >= mostNews) gone.set(name, was);
    else untold.push({ type: 'fleet.agent_back', agent: name, ...was });
  }
  for (const [name, entry] of entries) {
    if (gone.size >= mostGone || untold.length >= mostNews) break;
    if (gone.has(name)) continue;
    if (presenceState(entry, Math.min(nowMs - entry.timeMs, reachedForMs)) !== 'GONE') continue;
    const absence = { last_seen: new Date(entry.timeMs).toISOString(), revision: entry.revision };
    gone.set(name, absence);
    untold.push({ type: 'fleet.agent_gone', agent: name, ...absence });
  }
  return { gone: Object.fromEntries(gone), untold };
}
