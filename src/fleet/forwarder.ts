import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
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
import { fitEvent } from './fit-event.ts';
import type { Link } from './link.ts';
import { createPace } from './pace.ts';
import { type Message, sendRun } from './send-run.ts';
import { ensureEventStream, storedSince } from './stream.ts';
import type { Subjects } from './subjects.ts';

/** What goes at once: the servers take at most 1000 messages in a batch. */
const runLimits = { messages: 500, bytes: 2 << 20 } as const;
/** One agent that was away for days must not hold up the others. */
const catchUpPerSecond = 5000;
/** What is in the stream and not in the checkpoint after a kill: what was sent in the moment that the checkpoint may be late. */
const mostUnwritten = 10_000;
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
  /** Is called when an event says that the agent is otherwise than before: a process, an alert. */
  readonly onChange: () => void;
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

interface Forwarding extends Message {
  /** The cursor that is reached with it. */
  readonly revision: number;
}

type Send = (run: readonly Forwarding[]) => Promise<void>;

/**
 * Brings the journal into the stream of the fleet: in order, each event once. The journal itself is the spool: how far it has come is kept in the
 * store, so that an agent that was without a link, or dead, goes on where it stood. One run of events is in flight at a time. What was sent and not
 * acknowledged before is looked up in the stream, so that nothing is stored twice however long that is ago; what retention has removed meanwhile is
 * published as a gap.
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
  let inFlight = 0;
  metrics.observe('sboxagent_fleet_in_flight_events', { kind: 'gauge' }, () => [{ value: inFlight }]);
  const idOf = (what: number | string): string => `${checkpoint.journalId}-${what}`;

  const messageOf = (event: StoredEvent, maxBytes: number): Forwarding => {
    const { type, revision } = event;
    const subject = subjects.event(settings.name, type);
    const { body, isCut } = fitEvent(event, maxBytes, options.encode);
    if (isCut) cut.add(1);
    return { id: idOf(revision), subject, revision, body };
  };
  const gapOf = (from: number, to: number, count: number): Forwarding => {
    const data = { from_revision: from, to_revision: to, count };
    const body = JSON.stringify({ type: 'fleet.gap', source: ownSource, subject: settings.name, severity: 'WARNING', data });
    return { id: idOf(`gap-${from}-${to}`), subject: subjects.event(settings.name, 'fleet.gap'), revision: to, body };
  };
  const sendGap = async (
    send: Send,
    { from, to, count }: { readonly from: number; readonly to: number; readonly count: number },
  ): Promise<void> => {
    await send([gapOf(from, to, count)]);
    lost.add(count);
    logger.warn({ from, to, count }, 'events were removed from the journal before the fleet had them');
  };
  /** Forwards until the link or the stream fails. */
  const forward = async (connection: NatsConnection): Promise<void> => {
    const signal = AbortSignal.any([link.lost(), ending.signal]);
    const manager = await untilAborted(jetstreamManager(connection), signal);
    const { isAtomic } = await untilAborted(ensureEventStream(manager, subjects), signal);
    const already = await untilAborted(alreadyStored(manager), signal);
    const pace = createPace(catchUpPerSecond, clock);
    const send: Send = async (run) => {
      const fresh = run.filter(({ id }) => !already.has(id));
      await pace(fresh.length, signal);
      inFlight = fresh.length;
      const stored = fresh.length === 0 ? 0 : await untilAborted(sendRun(connection, fresh, { isAtomic, clock, signal }), signal);
      forwarded.add(fresh.length);
      checkpoint.advance({
        revision: run.at(-1)?.revision ?? 0,
        sequence: Math.max(stored, ...run.map(({ id }) => already.get(id) ?? 0)),
      });
    };
    link.note('forwarder', '');
    const maxBytes = (connection.info?.max_payload ?? 1 << 20) - overheadBytes;
    for await (const item of journal.watch({ afterRevision: await firstCursor(send), progressEveryMs, signal })) {
      if (item.kind === 'gap') await sendGap(send, { from: item.fromRevision, to: item.toRevision, count: item.count });
      if (item.kind !== 'events') continue;
      for (const run of runsOf(item.events, (event) => messageOf(event, maxBytes))) await send(run);
      if (item.events.some(saysChange)) options.onChange();
    }
    signal.throwIfAborted();
  };
  const alreadyStored = (manager: JetStreamManager): Promise<ReadonlyMap<string, number>> =>
    storedSince(manager, {
      stream: subjects.eventStream,
      subject: subjects.eventsOf(settings.name),
      from: checkpoint.place().sequence + 1,
      most: mostUnwritten,
    });
  /** Where the journal is watched from; what it no longer has is sent as a gap. */
  const firstCursor = async (send: Send): Promise<number> => {
    const { revision } = checkpoint.place();
    const { firstRevision, lastRevision } = journal.stats();
    const first = firstRevision === 0 ? lastRevision + 1 : firstRevision;
    if (revision > lastRevision)
      throw new AgentError('REVISION_AHEAD', `the fleet has revision ${revision} of this journal, whose newest is ${lastRevision}`);
    if (revision >= first - 1) return revision;
    if (revision > 0) await sendGap(send, { from: revision + 1, to: first - 1, count: first - 1 - revision });
    return first - 1;
  };
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      try {
        const connection = await link.connected(ending.signal);
        // Nothing is prepared for a link that is down: what is sent then would wait in the client's memory.
        if (link.isUp()) await forward(connection);
        else await clock.sleep(retryMs, ending.signal);
      } catch (error) {
        if (ending.signal.aborted) return;
        if (link.isUp()) {
          logger.warn({ err: error }, 'events did not reach the fleet; they are sent again');
          link.note('forwarder', `events do not reach the fleet: ${error instanceof Error ? error.message : String(error)}`);
        }
        await clock.sleep(retryMs, ending.signal).catch(() => {});
      } finally {
        inFlight = 0;
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

/** Whether an entry that says how the agent is reads otherwise after it. */
function saysChange({ type, source }: StoredEvent): boolean {
  return source === ownSource && (type.startsWith('process.') || type.startsWith('alert.'));
}

/** Cuts what the journal gave into what goes at once. Something larger than all the room goes alone. */
function* runsOf(events: readonly StoredEvent[], messageOf: (event: StoredEvent) => Forwarding): Generator<readonly Forwarding[]> {
  let run: Forwarding[] = [];
  let bytes = 0;
  for (const event of events) {
    const message = messageOf(event);
    const size = Buffer.byteLength(message.body);
    if (run.length > 0 && (run.length >= runLimits.messages || bytes + size > runLimits.bytes)) {
      yield run;
      [run, bytes] = [[], 0];
    }
    run.push(message);
    bytes += size;
  }
  if (run.length > 0) yield run;
}
