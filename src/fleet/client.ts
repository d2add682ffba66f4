/**
 * The client's half of a fleet: who is there, and calls to them. It needs the servers and, for calls, a key that the agents know.
 *
 * May be imported by cli. It imports kernel and types of settings.
 */
import type { KeyObject } from 'node:crypto';
import { JetStreamApiError, JetStreamError, jetstreamManager } from '@nats-io/jetstream';
import { connect, errors } from '@nats-io/transport-node';
import type { Clock } from '../kernel/clock.ts';
import type { FleetSettings } from '../settings/types.ts';
import { type AnswerPart, callAgent } from './call-agent.ts';
import { connectionOptions } from './connection-options.ts';
import type { FleetMember } from './presence-entry.ts';
import { createEventReader, type EventReader } from './read-events.ts';
import { openRollouts, type Rollouts } from './rollout/operate.ts';
import { createRoster, readMembers } from './roster.ts';
import { subjectsOf } from './subjects.ts';

export type { AnswerPart } from './call-agent.ts';
export type { FleetMember } from './presence-entry.ts';
export type { EventReader, FleetEvent } from './read-events.ts';
export { countMarks } from './rollout/marks.ts';
export { type Rollout, RolloutRefused, type Rollouts } from './rollout/operate.ts';
export { failedResults, type Part, type Verb } from './rollout/types.ts';
export { privateKeyOf, publicTextOf } from './signature.ts';

export interface ClientCall {
  readonly agent: string;
  readonly service: string;
  readonly method: string;
  readonly key: KeyObject;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly signal: AbortSignal;
}

export interface FleetClient {
  /** By name. */
  members(): Promise<readonly FleetMember[]>;
  call(call: ClientCall): AsyncGenerator<AnswerPart>;
  /** Throws what NATS throws. */
  events(): Promise<EventReader>;
  /** Rollouts over its agents. */
  rollouts(): Promise<Rollouts>;
  close(): Promise<void>;
}

export interface ClientOptions {
  /** Connects again for as long as it takes. */
  readonly lasting?: boolean;
  /** How long the first connection may take. Default: that of agents. */
  readonly timeoutMs?: number | undefined;
}

/** Throws what NATS throws where no server is reached. */
export async function openFleetClient(settings: FleetSettings, clock: Clock, options: ClientOptions = {}): Promise<FleetClient> {
  const { lasting = false, timeoutMs } = options;
  const connection = await connect({
    ...connectionOptions(settings),
    name: `${settings.prefix}/client`,
    maxReconnectAttempts: lasting ? -1 : 3,
    ...(timeoutMs !== undefined && { timeout: timeoutMs }),
  });
  const subjects = subjectsOf(settings.prefix);
  const roster = createRoster(subjects.presence);
  return {
    members: async () => readMembers(await jetstreamManager(connection, { checkAPI: false }), roster),
    call: ({ agent, service, method, ...call }) => callAgent(connection, { ...call, clock, subject: subjects.rpc(agent, service, method) }),
    events: () => createEventReader(connection, subjects),
    rollouts: () => openRollouts(connection, { bucketName: subjects.rollouts, prefix: settings.prefix, clock }),
    close: () => connection.close(),
  };
}

/** Whether the servers, or the way to them, are at fault: all else is a fault of the program. */
export function isOfServers(error: unknown): boolean {
  const kinds = [...Object.values(errors), JetStreamApiError, JetStreamError];
  return kinds.some((kind) => error instanceof kind) || (error instanceof Error && error.name === 'JetStreamNotEnabled');
}
