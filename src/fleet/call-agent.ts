import { type KeyObject, randomBytes } from 'node:crypto';
import { createInbox, type Msg, type NatsConnection, headers as newHeaders } from '@nats-io/transport-node';
import type { Clock } from '../kernel/clock.ts';
import { acknowledge, controlHeader, endHeader, placeHeader, signing } from './frames.ts';
import { publicTextOf, signCall } from './signature.ts';

export interface AgentCall {
  readonly subject: string;
  readonly key: KeyObject;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** A part of an answer; the last one has the trailers. */
export interface AnswerPart {
  readonly data: Uint8Array;
  /** A header of this message; undefined where it has none of the name. */
  header(name: string): string | undefined;
}

/** Nobody at that subject. */
export class AgentAway extends Error {
  override readonly name = 'AgentAway';
}

/** The answer came with a hole, or ended in the middle. */
export class AnswerBroken extends Error {
  override readonly name = 'AnswerBroken';
}

/** Calls an agent and gives the parts of its answer as they come. Leaving it early cancels the call. Throws AgentAway, AnswerBroken, the signal's reason. */
export async function* callAgent(connection: NatsConnection, call: AgentCall): AsyncGenerator<AnswerPart> {
  const { subject, signal, clock, body } = call;
  const inbox = createInbox();
  const answers = connection.subscribe(inbox);
  const leave = (): void => answers.unsubscribe();
  signal.addEventListener('abort', leave, { once: true });
  const tally = createTally(connection, clock);
  let over = false;
  try {
    signal.throwIfAborted();
    connection.publish(subject, body, { reply: inbox, headers: signedHeaders(call, inbox) });
    let place = 0;
    for await (const message of answers) {
      if (message.headers?.code === 503) throw new AgentAway(`nobody answers at ${subject}`);
      const header = headerOf(message);
      if (Number(header(placeHeader)) !== place) throw new AnswerBroken('a part of the answer was lost on the way');
      place += 1;
      tally.took(message.data.byteLength, header(controlHeader));
      over = header(endHeader) !== undefined;
      if (header(endHeader) === 'abort') throw new AnswerBroken('the agent ended the answer in the middle');
      yield { data: message.data, header };
      if (over) return;
    }
    signal.throwIfAborted();
    throw new AnswerBroken('the connection to the servers was closed');
  } finally {
    signal.removeEventListener('abort', leave);
    answers.unsubscribe();
    tally.stop(!over);
  }
}

function headerOf({ headers }: Msg): (name: string) => string | undefined {
  return (name) => headers?.get(name) || undefined;
}

function signedHeaders({ subject, key, headers, body, clock }: AgentCall, reply: string) {
  const timeMs = Math.round(clock.wallMs());
  const nonce = randomBytes(16).toString('base64url');
  const all = newHeaders();
  for (const [name, value] of Object.entries(headers)) all.set(name, value);
  all.set(signing.key, publicTextOf(key));
  all.set(signing.time, String(timeMs));
  all.set(signing.nonce, nonce);
  all.set(signing.signature, signCall({ subject, reply, timeMs, nonce, headers, body }, key));
  return all;
}

/** Tells the agent what was taken: after so many bytes, and after a while of few. */
function createTally(
  connection: NatsConnection,
  clock: Clock,
): { took(bytes: number, control: string | undefined): void; stop(early: boolean): void } {
  let control: string | undefined;
  let taken = 0;
  let acknowledged = 0;
  const acknowledgeAll = (): void => {
    if (control === undefined || taken === acknowledged || connection.isClosed()) return;
    acknowledged = taken;
    connection.publish(control, `ack ${taken}`);
  };
  const stopTicking = clock.every(acknowledge.everyMs, acknowledgeAll);
  return {
    took(bytes, subject) {
      control ??= subject;
      taken += bytes;
      if (taken - acknowledged >= acknowledge.bytes) acknowledgeAll();
    },
    stop(early) {
      stopTicking();
      if (early && control !== undefined && !connection.isClosed()) connection.publish(control, 'cancel');
    },
  };
}
