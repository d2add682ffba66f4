import { jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { isReplayed, readBatch } from './stream.ts';
import type { Subjects } from './subjects.ts';

/** An event as its agent wrote it, which is the JSON of the API. */
export interface FleetEvent {
  readonly agent: string;
  /** In the stream. */
  readonly place: number;
  readonly event: Readonly<Record<string, unknown>> & { readonly type: string };
}

/** Reads the stream that has the events of all agents. */
export interface EventReader {
  /** Places of the first and the last event that it has; 0 and 0 where there is none. */
  bounds(): Promise<{ readonly first: number; readonly last: number }>;
  /** What it has from a place or a time on, of one agent where one is named, up to the newest at that time. */
  from(start: number | Date, agent?: string): AsyncGenerator<FleetEvent>;
}

const batch = 500;

export async function createEventReader(connection: NatsConnection, { eventStream, allEvents, eventsOf }: Subjects): Promise<EventReader> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const agentAt = allEvents.split('.').indexOf('*');
  return {
    async bounds() {
      const { state } = await manager.streams.info(eventStream);
      return state.messages === 0 ? { first: 0, last: 0 } : { first: state.first_seq, last: state.last_seq };
    },
    async *from(start, agent) {
      const subject = agent === undefined ? allEvents : eventsOf(agent);
      let from = start;
      for (let more = true; more; ) {
        const read = await readBatch(manager, { stream: eventStream, subject, from, most: batch });
        for (const message of read.messages) {
          from = message.seq + 1;
          const event = isForwarded(message) ? eventOf(message) : undefined;
          if (event !== undefined) yield { agent: message.subject.split('.')[agentAt] ?? '', place: message.seq, event };
        }
        more = read.more;
      }
    },
  };
}

/** Every event of an agent has a message id. What the servers were made to answer at the subject of an agent has none, or was read from a stream. */
function isForwarded(message: StoredMsg): boolean {
  return message.header.get('Nats-Msg-Id') !== '' && !isReplayed(message);
}

/** undefined: it is no event. */
function eventOf(message: StoredMsg): FleetEvent['event'] | undefined {
  try {
    const event = message.json<Record<string, unknown>>();
    const { type } = event;
    return typeof type === 'string' ? { ...event, type } : undefined;
  } catch {
    return undefined;
  }
}
