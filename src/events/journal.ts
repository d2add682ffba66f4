import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { pullFeed } from '../kernel/feed.ts';
import { ownSource } from '../kernel/own-names.ts';
import { createRedactor } from '../kernel/redaction.ts';
import type { OpenStore, StoreHealth } from '../store/index.ts';
import type { Logger, Metrics } from '../telemetry/types.ts';
import { type Appender, createAppender } from './appender.ts';
import { createEmitter } from './emitter.ts';
import { createEventFeed } from './feed.ts';
import { type IngestOptions, ingest } from './ingest.ts';
import type { Window } from './journal-procedures.ts';
import type { ScanArgs, ScanResult } from './journal-scan.ts';
import { listEvents } from './list.ts';
import { createOwnWrites } from './own-writes.ts';
import { decodeBody, textKey } from './record.ts';
import { refuseReserved } from './reserved.ts';
import { createSweeper, type Retention } from './retention.ts';
import { createRing } from './ring.ts';
import type { Journal, NewEvent, PublishObserver } from './types.ts';

export interface JournalOptions {
  readonly store: OpenStore;
  readonly retention: Retention;
  readonly redact: { readonly enabled: boolean; readonly names: readonly string[] };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Source of the agent's own events. Default `sboxagent`. */
  readonly source?: string;
}

export interface OpenJournal extends Journal {
  setRetention(retention: Retention): void;
  /** Writes what `emit` left, ends the watches and the sweep. The store stays open. Idempotent. */
  stop(): Promise<void>;
}

const none: ReadonlySet<PublishObserver> = new Set();

/** What is given to the events that still wait when the agent stops. */
const stopMs = 2000;

export async function openJournal(options: JournalOptions): Promise<OpenJournal> {
  const { store, clock, logger, redact, source = ownSource } = options;
  const redactor = redact.enabled ? createRedactor(redact.names) : undefined;
  const meters = createMeters(options.metrics);
  const window = await store.read<Window>('events', 'window', undefined);
  const ring = createRing(window.last);
  const appender = createAppender({ store, ring, window, ageMs: store.ageing.nowMs, counted: meters.counted });
  const emitter = createEmitter({ append: appender.append, clock, logger, dropped: meters.dropped });
  const own = createOwnWrites(emitter, clock);
  const sweeper = createSweeper({
    ...options,
    ageMs: store.ageing.nowMs,
    stats: appender.stats,
    compact: (args) => store.write('events', 'compact', args, 64),
    removed: appender.removed,
  });
  const scan = (args: ScanArgs): Promise<ScanResult> => store.read('events', 'scan', args);
  const feed = createEventFeed({ ring, clock, scan, firstKept: appender.firstKept, last: () => appender.stats().lastRevision });
  meters.observe({ stats: appender.stats, watchers: feed.watchers });

  const observers = new Set<PublishObserver>();
  const stamp: IngestOptions['stamp'] = (event, context) => {
    let all: Readonly<Record<string, string>> | undefined;
    if (context.inside === true) return all;
    for (const observer of observers) {
      const one = observer.stamp?.(event, context);
      if (one !== undefined) all = { ...all, ...one };
    }
    return all;
  };
  const emit = (event: NewEvent): void => {
    try {
      for (const measured of ingest([event], { context: { source }, clock, redactor, stamp: () => undefined })) emitter.emit(measured);
    } catch (error) {
      logger.error({ err: error, type: event.type }, 'an event of the agent is not valid and was dropped');
      meters.dropped(1, 'refused');
    }
  };
  if (store.health().kind === 'corrupt') emitDegraded(emit, store.health());
  const stopHealth = store.onHealth((health) => onHealth(health, { emit, appender, logger }));

  return {
    async publish(events, context) {
      const taking = context.inside === true ? none : observers;
      for (const observer of taking) {
        const waiting = observer.before?.(events);
        if (waiting !== undefined) await waiting;
      }
      const fresh = ingest(events, { context, clock, redactor, stamp });
      if (context.inside !== true) for (const { event } of fresh) refuseReserved(event);
      if (fresh.length === 0) return [];
      const appending = appender.append(fresh);
      const receipts = await (context.inside === true ? own.track(appending) : appending);
      for (const observer of taking) observer.stored(receipts, events);
      return receipts;
    },
    observe(observer) {
      observers.add(observer);
      return () => observers.delete(observer);
    },
    emit,
    settled: own.settled,
    async get(id, of) {
      const found = await store.read<{ revision: number; body: string; damaged: boolean } | undefined>('events', 'find', {
        id: textKey(id),
        source: of === undefined ? undefined : textKey(of),
      });
      if (!found) throw new AgentError('EVENT_NOT_FOUND', `no event ${id} is kept`, { metadata: { event_id: id } });
      if (found.damaged)
        throw new AgentError('JOURNAL_UNAVAILABLE', `the record of event ${id} is damaged on the disk`, { metadata: { event_id: id } });
      return decodeBody(found.revision, found.body);
    },
    async list(query) {
      // Who saw a state of the agent sees the event of it too.
      await own.settled();
      return listEvents(scan, query);
    },
    feed: feed.open,
    watch: ({ signal, ...asked }) => pullFeed(feed.open(asked), signal),
    stats: appender.stats,
    watchers: feed.watchers,
    health: () => describe(store.health()),
    setRetention: sweeper.setRetention,
    async stop() {
      stopHealth();
      await emitter.stop(stopMs);
      await sweeper.stop();
      feed.stop();
    },
  };
}

function emitDegraded(emit: (event: NewEvent) => void, { kind, message }: StoreHealth): void {
  emit({ type: 'store.degraded', severity: 'ERROR', subject: 'store', data: { kind: kind ?? 'thread', message } });
}

interface HealthContext {
  readonly emit: (event: NewEvent) => void;
  readonly appender: Appender;
  readonly logger: Logger;
}

/** One event a degradation: it waits in the backlog and is written when the disk is back. */
function onHealth(health: StoreHealth, { emit, appender, logger }: HealthContext): void {
  if (health.status !== 'HEALTHY' && health.kind !== 'corrupt') {
    emitDegraded(emit, health);
    return;
  }
  appender.resync().catch((error: unknown) => {
    logger.warn({ err: error }, 'the figures of the journal could not be read');
  });
}

function describe(health: StoreHealth): ReturnType<Journal['health']> {
  const { status, kind, message, sinceMs } = health;
  if (status === 'HEALTHY') return { status, message: '', sinceMs };
  const reason = kind === 'full' ? 'JOURNAL_FULL' : 'JOURNAL_UNAVAILABLE';
  return { status, reason, message, sinceMs };
}

function createMeters(metrics: Metrics) {
  const stored = metrics.counter('sboxagent_events_total');
  const duplicates = metrics.counter('sboxagent_events_deduplicated_total');
  const dropped = metrics.counter('sboxagent_events_dropped_total');
  return {
    counted(events: number, repeated: number): void {
      if (events > 0) stored.add(events);
      if (repeated > 0) duplicates.add(repeated);
    },
    dropped: (count: number, reason: string): void => dropped.add(count, { reason }),
    observe({ stats, watchers }: { stats: Appender['stats']; watchers: () => number }): void {
      metrics.observe('sboxagent_events_last_revision', { kind: 'gauge' }, () => [{ value: stats().lastRevision }]);
      metrics.observe('sboxagent_watchers', { kind: 'gauge' }, () => [{ value: watchers() }]);
    },
  };
}
