/** Calls of grpc-js that go over NATS instead of a connection of their own: every client command works so with `--agent`. */
import type { KeyObject } from 'node:crypto';
import { type InterceptingListener, type Interceptor, type InterceptorOptions, Metadata, type StatusObject, status } from '@grpc/grpc-js';
import type { AnswerPart, FleetClient } from '../../fleet/client.ts';
import type { Clock } from '../../kernel/clock.ts';
import { createFrames, framed } from './grpc-frames.ts';

export interface FleetRoute {
  readonly agent: string;
  readonly key: KeyObject;
  /** Opens the connection to the servers, once. */
  readonly client: () => Promise<FleetClient>;
  readonly clock: Clock;
}

type InterceptedCall = ReturnType<Interceptor>;

export function overFleet(route: FleetRoute): Interceptor {
  // A class of grpc-js is asked for where its shape is all that is used.
  return (options) => createCall(options, route) as unknown as InterceptedCall;
}

function createCall(options: InterceptorOptions, route: FleetRoute) {
  const { method_definition: definition } = options;
  const abort = new AbortController();
  let listener: Partial<InterceptingListener> = {};
  let request: Buffer = Buffer.alloc(0);
  let ended = false;
  /** Messages are handed over one by one, as the reader asks for them. */
  let wanted = 0;
  let wake = (): void => {};

  const end = (answer: Partial<StatusObject> & { readonly code: status }): void => {
    if (ended) return;
    ended = true;
    listener.onReceiveStatus?.({ details: '', metadata: new Metadata(), ...answer });
    abort.abort();
    wake();
  };
  const asked = async (): Promise<void> => {
    while (wanted === 0 && !ended) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    wanted -= 1;
  };
  const run = async (): Promise<void> => {
    const [, service = '', method = ''] = /^\/(?:.*\.)?([^./]+)\/([^/]+)$/.exec(definition.path) ?? [];
    const timeoutMs = remainingMs(options.deadline, route.clock);
    const headers = { 'content-type': 'application/grpc', ...(timeoutMs !== undefined && { 'grpc-timeout': `${timeoutMs}m` }) };
    const { agent, key } = route;
    const client = await route.client();
    const cancel =
      timeoutMs === undefined
        ? () => {}
        : route.clock.after(timeoutMs, () => end({ code: status.DEADLINE_EXCEEDED, details: 'Deadline exceeded' }));
    try {
      const parts = client.call({ agent, service, method, key, headers, body: framed(request), signal: abort.signal });
      const frames = createFrames();
      let last: AnswerPart | undefined;
      for await (const part of parts) {
        if (last === undefined) listener.onReceiveMetadata?.(new Metadata());
        last = part;
        for (const message of frames.take(part.data)) {
          await asked();
          if (ended) return;
          listener.onReceiveMessage?.(definition.responseDeserialize(message));
        }
      }
      end(statusOf(last));
    } finally {
      cancel();
    }
  };
  return {
    start(_metadata: Metadata, given?: Partial<InterceptingListener>) {
      listener = given ?? {};
    },
    sendMessage(message: unknown) {
      request = definition.requestSerialize(message);
    },
    sendMessageWithContext(context: { readonly callback?: () => void }, message: unknown) {
      request = definition.requestSerialize(message);
      context.callback?.();
    },
    startRead() {
      wanted += 1;
      wake();
    },
    halfClose() {
      // A unary caller asks for its one message without saying so.
      if (!definition.responseStream) wanted += 1;
      if (definition.requestStream) end({ code: status.UNIMPLEMENTED, details: 'a stream of requests is not carried over the fleet' });
      else run().catch((error: Error) => end({ code: status.UNAVAILABLE, details: error.message }));
    },
    cancelWithStatus(code: status, details: string) {
      end({ code, details });
    },
    getPeer: () => `agent ${route.agent}`,
    getAuthContext: () => null,
  };
}

function remainingMs(deadline: InterceptorOptions['deadline'], clock: Clock): number | undefined {
  if (deadline === undefined || deadline === Number.POSITIVE_INFINITY) return undefined;
  return Math.max(1, Math.round(Number(deadline) - clock.wallMs()));
}

/** What the last message says of how the call ended. */
function statusOf(last: AnswerPart | undefined): Partial<StatusObject> & { readonly code: status } {
  const code = last?.header('grpc-status');
  if (last === undefined || code === undefined) return { code: status.INTERNAL, details: 'the answer has no status' };
  const metadata = new Metadata();
  const details = last.header('grpc-status-details-bin');
  if (details !== undefined) metadata.set('grpc-status-details-bin', Buffer.from(details, 'base64'));
  return { code: Number(code), details: decodeURIComponent(last.header('grpc-message') ?? ''), metadata };
}
