import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Journal, StoredEvent } from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { ownSource } from '../kernel/own-names.ts';
import { untilAborted } from '../kernel/until-aborted.ts';
import type { FleetSettings } from '../settings/types.ts';
import type { Store } from '../store/index.ts';
import type { Logger, Metrics } from '../telemetry/types.ts';
import { openCheckpoint } from './checkpoint.ts';
import { createInFlight } from './in-flight.ts';
import type { Link } from './link.ts';
import { createPace } from './pace.ts';
import { ensureEventStream, storedSince } from './stream.ts';
import type { Subjects } from './subjects.ts';

/** Sent and not acknowledged. */
const inFlightLimits = { messages: 256, bytes: 4 << 20 } as const;
/** One agent that was away for days must not hold up the others. */
const catchUpPerSecond = 5000;
const publishTimeoutMs = 10_000;
const retryMs = 2000;
const progressEveryMs = 30_000;
/** Left for subject, headers and the protocol's own words. */
const overheadBytes = 4096;

export interface ForwarderOptions {
  readonly settings: FleetSettings;
  readonly subjects: Subjects;
  readonly link: Link;
  readonly journal: Pick<Journal, 'watch' | 'stats'>;
  readonly store: Store;
  /** An event as its readers get it: the JSON of the API. */
  readonly encode: (event: StoredEvent) => string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface Forwarder {
  /** Every event up to it is in the stream. */
  revision(): number;
  start(): void;
  stop(): Promise<void>;
}

interface Message {
  readonly id: string;
  readonly type: string;
  /** The cursor that is reached with it. */
  readonly revision: number;
  readonly body: string;
}

/**
 * Brings the journal into the stream of the fleet: in order, each event once. The journal itself is the spool: how far it has come is kept in the
 * store, so that an agent that was without a link, or dead, goes on where it stood. What was sent and not acknowledged before is looked up in the
 * stream, so that nothing is stored twice however long that is ago; what retention has removed meanwhile is published as a gap.
 */
export async function createForwarder(options: ForwarderOptions): Promise<Forwarder> {
  const { settings, subjects, link, journal, clock, logger, metrics } = options;
  const forwarded = metrics.counter('sboxagent_fleet_forwarded_total');
  const lost = metrics.counter('sboxagent_fleet_gap_events_total');
  const cut = metrics.counter('sboxagent_fleet_truncated_total');
  const checkpoint = await openCheckpoint({ store: options.store, clock, logger });
  metrics.observe('sboxagent_fleet_lag_events', { kind: 'gauge' }, () => [
    { value: Math.max(0, journal.stats().lastRevision - checkpoint.place().revision) },
  ]);
  const ending = new AbortController();
  let ended: Promise<void> | undefined;
  const idOf = (what: number | string): string => `${checkpoint.journalId}-${what}`;

  const messageOf = (event: StoredEvent, maxBytes: number): Message => {
    const { type, revision } = event;
    const whole = options.encode(event);
    if (Buffer.byteLength(whole) <= maxBytes) return { id: idOf(revision), type, revision, body: whole };
    cut.add(1);
    const attributes = { ...event.attributes, fleet_truncated_bytes: String(Buffer.byteLength(whole)) };
    return { id: idOf(revision), type, revision, body: options.encode({ ...event, data: undefined, attributes }) };
  };
  const gapOf = (from: number, to: number, count: number): Message => {
    lost.add(count);
    logger.warn({ from, to, count }, 'events were removed from the journal before the fleet had them');
    const data = { from_revision: from, to_revision: to, count };
    const body = JSON.stringify({ type: 'fleet.gap', source: ownSource, subject: settings.name, severity: 'WARNING', data });
    return { id: idOf(`gap-${from}-${to}`), type: 'fleet.gap', revision: to, body };
  };
  /** Forwards until the link or the stream fails. */
  const forward = async (connection: NatsConnection): Promise<void> => {
    const manager = await jetstreamManager(connection);
    await ensureEventStream(manager, subjects);
    const already = await alreadyStored(manager);
    const failed = new AbortController();
    const signal = AbortSignal.any([failed.signal, ending.signal]);
    const inFlight = createInFlight(inFlightLimits, checkpoint.advance);
    const pace = createPace(catchUpPerSecond, clock);
    const client = jetstream(connection, { timeout: publishTimeoutMs });
    const send = async (message: Message): Promise<void> => {
      const bytes = Buffer.byteLength(message.body);
      await untilAborted(inFlight.room(bytes), signal);
      inFlight.sent(message.revision, bytes);
      const sequence = already.get(message.id);
      if (sequence !== undefined) return inFlight.stored(message.revision, sequence);
      await pace(signal);
      publish(client, message).then(
        (stored) => {
          forwarded.add(1);
          inFlight.stored(message.revision, stored);
        },
        (error: unknown) => failed.abort(error),
      );
    };
    link.note('forwarder', '');
    const maxBytes = (connection.info?.max_payload ?? 1 << 20) - overheadBytes;
    for await (const item of journal.watch({ afterRevision: await firstCursor(send), progressEveryMs, signal })) {
      if (item.kind === 'events') for (const event of item.events) await send(messageOf(event, maxBytes));
      else if (item.kind === 'gap') await send(gapOf(item.fromRevision, item.toRevision, item.count));
    }
    signal.throwIfAborted();
  };
  const alreadyStored = (manager: JetStreamManager): Promise<ReadonlyMap<string, number>> =>
    storedSince(manager, {
      stream: subjects.eventStream,
      subject: subjects.eventsOf(settings.name),
      from: checkpoint.place().sequence + 1,
      most: inFlightLimits.messages,
    });
  /** Where the journal is watched from; what it no longer has is sent as a gap. */
  const firstCursor = async (send: (message: Message) => Promise<void>): Promise<number> => {
    const { revision } = checkpoint.place();
    const { firstRevision, lastRevision } = journal.stats();
    const first = firstRevision === 0 ? lastRevision + 1 : firstRevision;
    if (revision > lastRevision)
      throw new AgentError('REVISION_AHEAD', `the fleet has revision ${revision} of this journal, whose newest is ${lastRevision}`);
    if (revision >= first - 1) return revision;
    if (revision > 0) await send(gapOf(revision + 1, first - 1, first - 1 - revision));
    return first - 1;
  };
  const publish = async (client: JetStreamClient, { id, type, body }: Message): Promise<number> =>
    (await client.publish(subjects.event(settings.name, type), body, { msgID: id, timeout: publishTimeoutMs })).seq;
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      try {
        await forward(await link.connected(ending.signal));
      } catch (error) {
        if (ending.signal.aborted) return;
        if (link.isUp()) {
          logger.warn({ err: error }, 'events did not reach the fleet; they are sent again');
          link.note('forwarder', `events do not reach the fleet: ${error instanceof Error ? error.message : String(error)}`);
        }
        await clock.sleep(retryMs, ending.signal).catch(() => {});
      }
    }
  };

  return {
    revision: () => checkpoint.place().revision,
    start() {
      ended ??= run();
    },
    async stop() {
      ending.abort();
      await ended;
      await checkpoint.flush();
    },
  };
}
