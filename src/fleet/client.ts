/**
 * The client's half of a fleet: who is there, and calls to them. It needs the servers and, for calls, a key that the agents know.
 *
 * May be imported by cli. It imports kernel and types of settings.
 */
import type { KeyObject } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../kernel/clock.ts';
import type { FleetSettings } from '../settings/types.ts';
import { type AnswerPart, callAgent } from './call-agent.ts';
import { connectionOptions } from './connection-options.ts';
import type { PresenceEntry } from './presence.ts';
import { subjectsOf } from './subjects.ts';

export { AgentAway, AnswerBroken, type AnswerPart } from './call-agent.ts';
export type { PresenceEntry } from './presence.ts';
export { privateKeyOf, publicTextOf } from './signature.ts';

export interface FleetMember extends Omit<PresenceEntry, 'state'> {
  /** `GONE`: nothing was heard of it for two heartbeats. */
  readonly state: 'UP' | 'LEFT' | 'GONE';
  /** How long ago its entry was written, by the clock of the servers. */
  readonly age_seconds: number;
}

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
  close(): Promise<void>;
}

/** Of so many heartbeats none was seen: it is gone. */
const missedHeartbeats = 2;

/** Throws what NATS throws where no server is reached. */
export async function openFleetClient(settings: FleetSettings, clock: Clock): Promise<FleetClient> {
  const connection = await connect({ ...connectionOptions(settings), name: `${settings.prefix}/client`, maxReconnectAttempts: 3 });
  const subjects = subjectsOf(settings.prefix);
  return {
    members: () => readMembers(connection, subjects.presence),
    call: ({ agent, service, method, ...call }) => callAgent(connection, { ...call, clock, subject: subjects.rpc(agent, service, method) }),
    close: () => connection.close(),
  };
}

async function readMembers(connection: NatsConnection, bucketName: string): Promise<readonly FleetMember[]> {
  const manager = await jetstreamManager(connection);
  const { ts } = await manager.streams.info(`KV_${bucketName}`);
  const bucket = await new Kvm(connection).open(bucketName);
  const members: FleetMember[] = [];
  for await (const name of await bucket.keys()) {
    const entry = await bucket.get(name);
    if (entry === null) continue;
    const said = entry.json<PresenceEntry>();
    const ageSeconds = ts === undefined ? 0 : Math.max(0, (Date.parse(ts) - entry.created.getTime()) / 1000);
    const isGone = said.state === 'UP' && ageSeconds > missedHeartbeats * said.heartbeat_seconds;
    members.push({ ...said, state: isGone ? 'GONE' : said.state, age_seconds: Math.round(ageSeconds) });
  }
  return members.sort((a, b) => (a.name < b.name ? -1 : 1));
}
