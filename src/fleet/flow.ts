import { randomBytes } from 'node:crypto';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';

/** What the callers of this agent say of the answers that they get. */
export interface Flow {
  /** A subject for one call, and how it is given back. */
  open(listener: FlowListener): { readonly subject: string; close(): void };
}

export interface FlowListener {
  /** So many bytes of the answer, from its beginning, were taken. */
  taken(bytes: number): void;
  left(): void;
}

/** One subscription for all calls; who has not been told a call's subject cannot guess it. */
export function createFlow(
  connection: NatsConnection,
  subjectOf: (call: string) => string,
): { readonly flow: Flow; readonly subscription: Subscription } {
  const open = new Map<string, FlowListener>();
  const subscription = connection.subscribe(subjectOf('*'), {
    callback(error, message) {
      const listener = error === null ? open.get(message.subject) : undefined;
      if (listener === undefined) return;
      const [word, count] = message.string().split(' ');
      if (word === 'cancel') listener.left();
      else if (word === 'ack') listener.taken(Number(count) || 0);
    },
  });
  const flow: Flow = {
    open(listener) {
      const subject = subjectOf(randomBytes(16).toString('base64url'));
      open.set(subject, listener);
      return { subject, close: () => void open.delete(subject) };
    },
  };
  return { flow, subscription };
}
