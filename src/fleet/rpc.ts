import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Verdict } from '../access/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { FleetSettings } from '../settings/types.ts';
import type { Logger } from '../telemetry/types.ts';
import { createCallTally } from './call-tally.ts';
import { createDiscovery } from './discovery.ts';
import { createFlow, type Flow } from './flow.ts';
import { requestHeaders, signing } from './frames.ts';
import { createCallerJudge } from './judge-caller.ts';
import type { Link } from './link.ts';
import { createReply, type Reply } from './reply.ts';
import type { Subjects } from './subjects.ts';

/** A call as the API takes it. */
export interface FleetCall {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly verdict: Verdict;
  readonly from: string;
  readonly reply: Reply;
}

export interface RpcOptions {
  readonly settings: FleetSettings;
  readonly subjects: Subjects;
  readonly link: Link;
  /** Serves the call through the gate of every other transport. */
  readonly serve: (call: FleetCall) => void;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The agent's RPCs at `<prefix>.<agent>.rpc.<Service>.<Method>`, for those whose keys the configuration names. */
export function createRpc(options: RpcOptions): { start(): void; stop(): void } {
  const { settings, subjects, link, serve, clock, logger } = options;
  const { measured, read } = createCallTally(clock);
  const discover = createDiscovery({ ...options, calls: read });
  const judge = createCallerJudge(settings.keys, clock);
  const ending = new AbortController();
  let subscriptions: readonly Subscription[] = [];

  const answer = (connection: NatsConnection, message: Msg, flow: Flow): void => {
    if (message.reply === undefined || message.reply === '') return;
    const [service = '', method = ''] = message.subject.split('.').slice(-2);
    const signed = signedHeaders(message);
    const header = (name: string): string | undefined => message.headers?.get(name) || undefined;
    const verdict = judge({
      call: {
        ...{ subject: message.subject, reply: message.reply, headers: signed, body: message.data },
        timeMs: Number(header(signing.time)),
        nonce: header(signing.nonce) ?? '',
      },
      key: header(signing.key),
      signature: header(signing.signature),
    });
    const from = verdict.ok ? verdict.principal.name : 'nats';
    const reply = measured(createReply(connection, message.reply, flow));
    serve({ path: `/sboxagent.v1.${service}/${method}`, headers: signed, body: message.data, verdict, from, reply });
  };
  const listen = (connection: NatsConnection): void => {
    const { flow, subscription: acknowledgements } = createFlow(connection, (call) => subjects.flow(settings.name, call));
    const calls = connection.subscribe(subjects.rpc(settings.name, '*', '*'), {
      callback: (error, message) => {
        if (error !== null) {
          logger.warn({ err: error }, 'calls over the fleet are not taken');
          link.note('rpc', `calls over the fleet are not taken: ${error.message}`);
          return;
        }
        try {
          answer(connection, message, flow);
        } catch (fault) {
          logger.error({ err: fault }, 'a call over the fleet failed');
        }
      },
    });
    subscriptions = [calls, acknowledgements, ...discover(connection)];
    link.note('rpc', '');
  };
  /** A connection that was closed for good takes its subscriptions with it. */
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const connection = await link.connected(ending.signal);
      listen(connection);
      await connection.closed();
    }
  };

  return {
    start() {
      // Without a key nobody could be served.
      if (settings.keys.length > 0) run().catch(() => {});
    },
    stop() {
      ending.abort();
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}

/** What of its headers is signed, and goes on to the API. */
function signedHeaders(message: Msg): Record<string, string> {
  const pairs = requestHeaders.flatMap((name) => {
    const value = message.headers?.get(name);
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  return Object.fromEntries(pairs);
}
