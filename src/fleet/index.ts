/**
 * The agent in a fleet, over NATS JetStream: its events go to one stream, an entry of a bucket says that it is there, its RPCs are called there, and
 * configs are rolled out over it. One of them, which holds a lease, says who is gone.
 *
 * Invariants: nothing here is loaded without `fleet.servers`; servers that are away, wrong or slow disturb nothing else of the agent, and are one
 * warning and a DEGRADED component; every event of the journal reaches the stream once, in order, or stands in a gap; what is in flight is
 * bounded in messages and bytes; a call is judged by its signature and by the scopes of the key, here and not by NATS.
 *
 * May be imported by app, which loads it late, and by api (types).  It imports kernel, settings (types), telemetry, store, events and access (types).
 * The client's half, for the command line, has a front door of its own: client.ts.
 */
import type { Journal, StoredEvent } from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { NotedHealth } from '../kernel/note.ts';
import type { FleetSettings } from '../settings/types.ts';
import type { Store } from '../store/index.ts';
import type { Logger, Metrics } from '../telemetry/types.ts';
import { createBucket } from './bucket.ts';
import { createForwarder } from './forwarder.ts';
import { createLink } from './link.ts';
import { createMembers, type Members } from './members.ts';
import { createPresence } from './presence.ts';
import type { PresenceEntry } from './presence-entry.ts';
import { createParticipant, type HaltedRollout } from './rollout/participant.ts';
import { createRpc, type FleetCall } from './rpc.ts';
import { type AgentSelector, type CompiledSelector, compileSelector } from './selector.ts';
import { subjectsOf } from './subjects.ts';
import { createWatchAgents, type WatchAgents } from './watch-agents.ts';

export type { FleetMember } from './presence-entry.ts';

export interface FleetOptions {
  readonly settings: FleetSettings;
  readonly journal: Pick<Journal, 'watch' | 'stats' | 'emit' | 'list'>;
  readonly store: Store;
  /** An event as the API writes it. */
  readonly encode: (event: StoredEvent) => string;
  /** Of the program. */
  readonly version: string;
  readonly snapshot: () => Pick<PresenceEntry, 'health' | 'units' | 'alerts_firing'>;
  /** Serves a call through the gate of every other transport. */
  readonly serve: (call: FleetCall) => void;
  /** Revision of a unit's config in effect, 0 where it has none; undefined where there is no such unit. */
  readonly configRevision: (unit: string) => number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface Fleet {
  readonly health: () => NotedHealth;
  /** Rollouts that stand still because of this agent. */
  readonly haltedRollouts: () => readonly HaltedRollout[];
  /** Those that are gone, where this agent watches over the others; else none. */
  readonly goneAgents: WatchAgents['gone'];
  /** The agents of the fleet, for whoever asks this one. */
  readonly members: Members['list'];
  readonly select: (selector: AgentSelector) => CompiledSelector;
  start(): void;
  /** Bounded, whatever the servers do. Idempotent. */
  stop(): Promise<void>;
}

export async function openFleet({ settings, version, journal, snapshot, serve, configRevision, ...common }: FleetOptions): Promise<Fleet> {
  const { clock, logger, metrics } = common;
  const subjects = subjectsOf(settings.prefix);
  const link = createLink({ settings, clock, logger });
  const forwarder = await createForwarder({ ...common, settings, subjects, link, journal, onChange: () => presence.changed() });
  const presence = createPresence({
    ...{ settings, link, clock, bucket: createBucket(link, subjects.presence) },
    snapshot: () => ({ version, ...snapshot(), last_revision: journal.stats().lastRevision, forwarded_revision: forwarder.revision() }),
  });
  const watch = createWatchAgents({
    ...{ settings, subjects, link, presence, journal, clock, logger, metrics, bucket: createBucket(link, subjects.common) },
  });
  const rpc = createRpc({ settings, subjects, link, serve, clock, logger, version });
  const rollouts = await createParticipant({ ...common, settings, subjects, link, journal, serve, configRevision });
  metrics.observe('sboxagent_fleet_connected', { kind: 'gauge' }, () => [{ value: link.isUp() ? 1 : 0 }]);
  return {
    health: link.health,
    goneAgents: watch.gone,
    members: createMembers({ link, clock, bucketName: subjects.presence }).list,
    select: compileSelector,
    haltedRollouts: rollouts.halted,
    start() {
      link.start();
      forwarder.start();
      presence.start();
      rpc.start();
      watch.start();
      rollouts.start();
    },
    async stop() {
      await rollouts.stop();
      rpc.stop();
      await watch.stop();
      await forwarder.stop();
      await presence.stop();
      await link.stop();
    },
  };
}
