import { JetStreamApiError, type JetStreamClient, jetstream } from '@nats-io/jetstream';
import { type MsgHdrs, type NatsConnection, headers as newHeaders } from '@nats-io/transport-node';
import type { Clock } from '../kernel/clock.ts';

/** A message as the stream shall have it. */
export interface Message {
  readonly id: string;
  readonly subject: string;
  readonly body: string;
}

export interface SendOptions {
  /** Whether the stream takes several at once, all or none. */
  readonly isAtomic: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const publishTimeoutMs = 10_000;
/** The servers take so many batches of a stream at once (50 by default): others wait. */
const busyMs = { least: 50, most: 500 } as const;
/** Their word for that. */
const tooManyInFlight = 10_210;

/**
 * Puts a run of messages into the stream in their order, and resolves to the place of the last. Several go as one atomic batch: of messages that were
 * merely sent one behind the other some could be lost with the server or its leader, and the later ones be stored before they are sent again. Where the
 * stream takes no batches each one waits for the one before. Rejects with what NATS rejects; then all are there, or none, or the first few.
 */
export async function sendRun(connection: NatsConnection, run: readonly Message[], options: SendOptions): Promise<number> {
  const client = jetstream(connection, { timeout: publishTimeoutMs });
  if (run.length > 1 && options.isAtomic) return sendBatch(client, run, options);
  let place = 0;
  for (const { subject, body, id } of run) {
    options.signal.throwIfAborted();
    place = (await client.publish(subject, body, { msgID: id, timeout: publishTimeoutMs })).seq;
  }
  return place;
}

async function sendBatch(client: JetStreamClient, run: readonly Message[], { clock, signal }: SendOptions): Promise<number> {
  const [first, last] = [run[0], run.at(-1)];
  if (first === undefined || last === undefined) return 0;
  for (;;) {
    signal.throwIfAborted();
    try {
      const batch = await client.startBatch(first.subject, first.body, { headers: named(first), timeout: publishTimeoutMs });
      // One that comes to nothing is forgotten by the servers after a while.
      signal.throwIfAborted();
      for (const message of run.slice(1, -1)) batch.add(message.subject, message.body, { headers: named(message), ack: false });
      const { seq } = await batch.commit(last.subject, last.body, { headers: named(last), timeout: publishTimeoutMs });
      return seq;
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== tooManyInFlight) throw error;
      await clock.sleep(busyMs.least + Math.random() * (busyMs.most - busyMs.least), signal);
    }
  }
}

function named({ id }: Message): MsgHdrs {
  const headers = newHeaders();
  headers.set('Nats-Msg-Id', id);
  return headers;
}
