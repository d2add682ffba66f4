/** What the stream of a fleet has, read by NATS' own client. */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

export interface Forwarded {
  readonly agent: string;
  readonly type: string;
  readonly revision: number;
  readonly subject: string;
  readonly source: string;
  /** When it happened, by the agent's clock. */
  readonly time: string;
  readonly n: number | undefined;
}

/** Oldest first; of all agents where none is named. */
export async function forwarded(connection: NatsConnection, agent = '*'): Promise<Forwarded[]> {
  const manager = await jetstreamManager(connection);
  const found: Forwarded[] = [];
  for (let seq = 1; ; ) {
    const batch = await manager.direct.getBatch('SBOXAGENT_EVENTS', { seq, next_by_subj: `sboxagent.${agent}.event.>`, batch: 1000 });
    const before = found.length;
    try {
      for await (const message of batch) {
        const event = message.json<Omit<Forwarded, 'agent' | 'n'> & { data?: { n?: number } }>();
        const { type, subject, source, time, revision, data } = event;
        found.push({ agent: message.subject.split('.')[1] ?? '', type, subject, source, time, revision: Number(revision), n: data?.n });
        seq = message.seq + 1;
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 404)) throw error;
    }
    if (found.length - before < 1000) return found;
  }
}
