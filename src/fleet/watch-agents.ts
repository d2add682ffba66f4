import { jetstreamManager } from '@nats-io/jetstream';
import type { Journal } from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { untilAborted } from '../kernel/until-aborted.ts';
import type { FleetSettings } from '../settings/types.ts';
import type { Logger, Metrics } from '../telemetry/types.ts';
import type { Bucket } from './bucket.ts';
import { type FleetNews, type Found, judgeAgents } from './gone-agents.ts';
import { createLease } from './lease.ts';
import type { Link } from './link.ts';
import type { Presence } from './presence.ts';
import { presenceState } from './presence-entry.ts';
import { createRoster, type RosterEntry } from './roster.ts';
import type { Subjects } from './subjects.ts';

export interface WatchAgentsOptions {
  readonly settings: FleetSettings;
  readonly subjects: Subjects;
  readonly link: Link;
  /** The bucket of what the agents have in common. */
  readonly bucket: Bucket;
  readonly presence: Pick<Presence, 'say' | 'reachedForMs'>;
  readonly journal: Pick<Journal, 'emit' | 'list'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface WatchAgents {
  /** Who is gone, where this agent watches; else nobody. */
  gone(): readonly { readonly agent: string; readonly lastSeen: string }[];
  start(): void;
  stop(): Promise<void>;
}

const states = ['UP', 'LEFT', 'GONE'] as const;
/** After an outage of all the others need so long to connect again, and must not be missed meanwhile. */
const comeBackMs = 3000;
const releaseMs = 2000;

/**
 * One agent of the fleet, which holds a lease, watches over the others and says in its journal who is gone and who is back. Twice a heartbeat it
 * writes its own entry, reads what is new of the others', judges by the clock of the servers alone, renews the lease with what it found, and tells it.
 * Where one of these fails it says nothing: it may be this agent that is away. What was found and not told before the holder died is told by the
 * next one under the same id.
 */
export function createWatchAgents(options: WatchAgentsOptions): WatchAgents {
  const { settings, subjects, link, bucket, presence, journal, clock, logger, metrics } = options;
  const { name, heartbeatMs } = settings;
  const ending = new AbortController();
  const roster = createRoster(subjects.presence);
  const lease = createLease<Found>({ key: 'watch', name, heartbeatMs, clock, nothing: { gone: {}, untold: [] } });
  let counts: ReadonlyMap<string, number> | undefined;
  let gone: Found['gone'] = {};
  let busy: Promise<void> | undefined;
  let stopTicking = (): void => {};
  metrics.observe('sboxagent_fleet_agents', { kind: 'gauge' }, () =>
    counts === undefined ? [] : states.map((state) => ({ value: counts?.get(state) ?? 0, labels: { state } })),
  );

  const stopWatching = (): void => {
    counts = undefined;
    gone = {};
  };
  const look = async (): Promise<void> => {
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(2 * heartbeatMs)]);
    const found = await bucket.use(signal, (open) => untilAborted(lease.look(open), signal));
    if (found === undefined) {
      stopWatching();
      roster.clear();
      return;
    }
    await watchOver(found, signal);
  };
  const watchOver = async (found: Found, signal: AbortSignal): Promise<void> => {
    const own = await presence.say();
    const manager = await jetstreamManager(await link.connected(signal), { checkAPI: false });
    await untilAborted(roster.read(manager, own), signal);
    const entries = roster.entries();
    const self = entries.get(name);
    // What it has just written tells the time of the servers. Where it is not there yet a replica lags.
    if (self === undefined || self.revision < own) return;
    const [nowMs, reachedForMs] = [self.timeMs, presence.reachedForMs() - comeBackMs];
    counts = countStates(entries, (timeMs) => Math.min(nowMs - timeMs, reachedForMs));
    const judged = judgeAgents({ entries, nowMs, reachedForMs, found });
    await bucket.use(signal, (open) => untilAborted(lease.renew(open, judged), signal));
    gone = judged.gone;
    if (judged.untold.length === 0) return;
    for (const news of judged.untold) tell(news);
    // A list sees what the agent itself has said before: then it is on disk.
    await journal.list({ order: 'desc', pageSize: 1 });
    await bucket.use(signal, (open) => untilAborted(lease.renew(open, { ...judged, untold: [] }), signal));
  };
  const tell = ({ type, agent, last_seen, revision }: FleetNews): void => {
    const isGone = type === 'fleet.agent_gone';
    const labels = roster.entries().get(agent)?.labels ?? {};
    if (isGone) logger.warn({ agent, last_seen }, 'an agent of the fleet is gone');
    journal.emit({
      type,
      id: `${type}-${agent}-${revision}`,
      subject: agent,
      severity: isGone ? 'WARNING' : 'INFO',
      data: { agent, last_seen, labels },
    });
  };
  const tick = (): void => {
    if (busy !== undefined || !link.isUp()) return;
    busy = look()
      .catch((error: unknown) => {
        stopWatching();
        if (!ending.signal.aborted) logger.debug({ err: error }, 'this agent does not watch over the fleet for now');
      })
      .finally(() => {
        busy = undefined;
      });
  };

  return {
    gone: () => Object.entries(gone).map(([agent, { last_seen: lastSeen }]) => ({ agent, lastSeen })),
    start() {
      stopTicking = clock.every(heartbeatMs / 2, tick);
    },
    async stop() {
      stopTicking();
      ending.abort();
      await busy;
      // A lease that is not given back runs out by itself.
      const signal = AbortSignal.timeout(releaseMs);
      if (lease.isMine() && link.isUp()) await bucket.use(signal, (open) => untilAborted(lease.release(open), signal)).catch(() => {});
    },
  };
}

function countStates(entries: ReadonlyMap<string, RosterEntry>, ageOf: (timeMs: number) => number): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const entry of entries.values()) {
    const state = presenceState(entry, ageOf(entry.timeMs));
    found.set(state, (found.get(state) ?? 0) + 1);
  }
  return found;
}
