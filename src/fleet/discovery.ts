/**
 * Service discovery as NATS has it (ADR-32): `nats micro ls` sees the agents. It tells who is there, which version it is and how its calls went,
 * and no more than the entry in the bucket does.
 */
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Clock } from '../kernel/clock.ts';
import type { FleetSettings } from '../settings/types.ts';
import type { CallTally } from './call-tally.ts';
import type { Subjects } from './subjects.ts';

const verbs = ['PING', 'INFO', 'STATS'] as const;
type Verb = (typeof verbs)[number];

export interface DiscoveryOptions {
  readonly settings: Pick<FleetSettings, 'name' | 'prefix' | 'labels'>;
  readonly subjects: Subjects;
  readonly version: string;
  readonly calls: () => CallTally;
  readonly clock: Clock;
}

/** Answers on one connection. Where permissions forbid it nobody is answered, and nothing else is disturbed. */
export function createDiscovery(options: DiscoveryOptions): (connection: NatsConnection) => readonly Subscription[] {
  const { name, prefix } = options.settings;
  const startedMs = options.clock.wallMs();
  return (connection) => {
    const callback = (error: Error | null, message: Msg): void => {
      if (error !== null || connection.isClosed()) return;
      const verb = verbs.find((one) => message.subject.startsWith(`$SRV.${one}`));
      if (verb !== undefined) message.respond(JSON.stringify(answerTo(verb, options, startedMs)));
    };
    const subjects = verbs.flatMap((verb) => ['', `.${prefix}`, `.${prefix}.${name}`].map((whom) => `$SRV.${verb}${whom}`));
    return subjects.map((subject) => connection.subscribe(subject, { callback }));
  };
}

function answerTo(verb: Verb, { settings, subjects, version, calls }: DiscoveryOptions, startedMs: number): object {
  const { name, prefix, labels } = settings;
  const who = { name: prefix, id: name, version, metadata: { ...labels, agent: name } };
  const type = `io.nats.micro.v1.${verb.toLowerCase()}_response`;
  const endpoint = { name: 'rpc', subject: subjects.rpc(name, '*', '*'), queue_group: '' };
  switch (verb) {
    case 'PING':
      return { type, ...who };
    case 'INFO':
      return { type, ...who, description: 'sboxagent: calls are signed, see docs/fleet.md', endpoints: [endpoint] };
    case 'STATS':
      return { type, ...who, started: new Date(startedMs).toISOString(), endpoints: [{ ...endpoint, ...figuresOf(calls()) }] };
  }
}

/** Times are in nanoseconds there. */
function figuresOf({ requests, errors, lastError, totalMs }: CallTally): object {
  const totalNs = Math.round(totalMs * 1e6);
  return {
    ...{ num_requests: requests, num_errors: errors, last_error: lastError, processing_time: totalNs },
    average_processing_time: requests === 0 ? 0 : Math.round(totalNs / requests),
  };
}
