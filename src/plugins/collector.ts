import {
  type EventHead,
  eventSize,
  firstWithinMessage,
  type Journal,
  type NewEvent,
  type PublishContext,
  type Receipt,
  receiptOf,
  type StoredEvent,
} from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { ownSource } from '../kernel/own-names.ts';
import { within } from '../kernel/within.ts';
import type { Store } from '../store/index.ts';
import type { Logger, Metrics } from '../telemetry/index.ts';
import { mayBeCall, withEvent } from './calls.ts';
import type { Owners } from './owners.ts';
import { pluginId } from './plugin-id.ts';
import type { EventRow, KeepArgs } from './plugin-procedures.ts';
import type { Registry } from './registry.ts';

/** Events kept of each plugin. */
export const keptEvents = 100;
/** So many more wait before the oldest go, together. */
const spareEvents = 32;
/** The attribute of an event that names a plugin which its publisher does not own: it is stored, and says nothing of the plugin. */
export const unownedPlugin = 'unowned_plugin';
/** A publisher waits no longer than this for the disk to take what is collected. */
const waitMs = 1000;

/** Whatever `buffer_size` allows in number: an event may have 3 MiB. */
const maxBufferBytes = 16 << 20;

export interface CollectorOptions {
  readonly registry: Registry;
  readonly owners: Pick<Owners, 'mayUse'>;
  readonly store: Store;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly enabled: () => boolean;
  readonly settings: () => { readonly bufferSize: number };
  /** A plugin gave a sign of life by an event. */
  readonly onContact: (id: string) => void;
}

/**
 * Takes the events of plugins out of the stream of all: what is known of the plugin follows at once; its newest `keptEvents` go to
 * a table of their own in groups, bounded by `buffer_size` and `flush_interval`. They are in the journal already, so that nothing is
 * lost when the agent dies in between: the next start follows the journal from where this one was.
 */
export interface Collector {
  /** Nothing of what is published is looked at any more. */
  stop(): void;
  /** Newest first; fewer than `keptEvents` where these are more than one message should carry. */
  recent(id: string): Promise<readonly StoredEvent[]>;
  forget(id: string): void;
  /** Resolves when all that is known now is on the disk. Throws what the store throws; nothing is lost by that. */
  flush(): Promise<void>;
  /** Follows what the journal has beyond what was kept. */
  catchUp(): Promise<void>;
}

/** An event on its way to the table. */
/** An event that waits for the disk: its receipt, which makes the event when it is written, or one that was read. */
type Waiting = Omit<Receipt, 'duplicate'>;

function idIn(event: EventHead, namedSource: boolean): string | undefined {
  if (event.source === ownSource || event.attributes[unownedPlugin] !== undefined) return undefined;
  const id = event.attributes['plugin'] ?? (namedSource ? event.source : '');
  return pluginId.test(id) ? id : undefined;
}

export function createCollector(options: CollectorOptions): Collector {
  const { registry, owners, store, journal, clock, logger, settings, enabled } = options;
  const refused = options.metrics.counter('sboxagent_limit_refused_total');
  /** Newest last; what goes beyond `keptEvents` of a plugin would be removed by its own successors. */
  let waiting = new Map<string, Waiting[]>();
  /** What is on its way to the disk: readers of the table may not see it yet. */
  let writing: typeof waiting = new Map();
  let inFlight = 0;
  let count = 0;
  /** Bytes of what waits, and of what is on its way to the disk. */
  let bytes = 0;
  let bytesInFlight = 0;
  let cursor = 0;
  let keptCursor = 0;
  let flushing: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const wait = (id: string, fresh: Waiting): void => {
    const events = waiting.get(id);
    if (events === undefined) waiting.set(id, [fresh]);
    else events.push(fresh);
    count += 1;
    bytes += fresh.bytes;
    if (events === undefined || events.length < keptEvents + spareEvents) return;
    // Many at a time: to move all the others for each costs more than the rest of it.
    for (const gone of events.splice(0, spareEvents)) bytes -= gone.bytes;
    count -= spareEvents;
  };
  const take = (fresh: Waiting, namedSource: boolean, nowMs: number): void => {
    cursor = Math.max(cursor, fresh.revision);
    const id = idIn(fresh, namedSource || registry.find(fresh.source) !== undefined);
    const record = id === undefined ? undefined : registry.know(id);
    if (id === undefined || record === undefined) return;
    const isNew = record.lastSeenMs === undefined;
    record.lastSeenMs = nowMs;
    if (mayBeCall(fresh)) record.calls = withEvent(record.calls, fresh.event);
    wait(id, fresh);
    options.onContact(id);
    if (isNew) registry.touch(record);
    else registry.dirty(record);
  };
  const write = async (): Promise<void> => {
    const batch = waiting;
    const plugins = registry.takeDirty();
    const upTo = cursor;
    if (batch.size === 0 && plugins.length === 0 && upTo === keptCursor) return;
    waiting = new Map();
    writing = batch;
    inFlight = count;
    bytesInFlight = bytes;
    count = 0;
    bytes = 0;
    const known = [...batch].filter(([plugin]) => registry.find(plugin) !== undefined);
    const rows: EventRow[] = known.flatMap(([plugin, events]) =>
      events.map(({ event }) => ({ plugin, revision: event.revision, body: JSON.stringify(event) })),
    );
    try {
      const args: KeepArgs = { plugins, rows, cursor: upTo, kept: keptEvents };
      await store.write('plugins', 'keep', args, plugins.length + rows.length + 1);
      keptCursor = upTo;
    } catch (error) {
      logger.warn({ err: error }, 'what is known of plugins could not be kept; it is tried again');
      registry.putBack(plugins);
      const newer = waiting;
      waiting = batch;
      count = [...batch.values()].reduce((sum, events) => sum + events.length, 0);
      bytes = bytesInFlight;
      for (const [id, events] of newer) for (const fresh of events) wait(id, fresh);
      throw error;
    } finally {
      writing = new Map();
      inFlight = 0;
      bytesInFlight = 0;
    }
  };
  /** One at a time; who comes while one is under way gets the next, which has all that he knows of. */
  const flush = async (): Promise<void> => {
    next ??= (flushing ?? Promise.resolve())
      .catch(() => {})
      .then(() => {
        flushing = next;
        next = undefined;
        return write();
      });
    await next;
  };

  /** Makes a publisher wait while the buffer is full, and refuses it where that does not help. */
  const makeRoom = async (wanted: number): Promise<void> => {
    const { bufferSize } = settings();
    const full = (): boolean => count + inFlight > 0 && (count + inFlight + wanted > bufferSize || bytes + bytesInFlight > maxBufferBytes);
    if (!full()) return;
    await within(clock, waitMs, flush());
    if (!full()) return;
    refused.add(1, { limit: 'plugin_event_buffer' });
    throw new AgentError('PLUGIN_BUFFER_FULL', `${count + inFlight} events of plugins wait for the disk already`, { retryAfterMs: 1000 });
  };

  /** Kept with the event, so that the next start, which follows the journal, judges as this one did. */
  const disowned = (event: NewEvent, { source, publisher }: PublishContext): Readonly<Record<string, string>> | undefined => {
    if (publisher === undefined) return undefined;
    const id = event.attributes?.['plugin'] ?? (event.source || source);
    return !pluginId.test(id) || owners.mayUse(id, publisher) ? undefined : { [unownedPlugin]: id };
  };

  const isNamed = ({ source }: NewEvent): boolean => source !== undefined && source !== '';
  const stop = journal.observe({
    before(events) {
      if (!enabled()) return undefined;
      let mine = 0;
      for (const event of events) if (isNamed(event) || event.attributes?.['plugin'] !== undefined) mine += 1;
      return mine > 0 ? makeRoom(Math.min(mine, settings().bufferSize)) : undefined;
    },
    stamp: (event, context) => (enabled() ? disowned(event, context) : undefined),
    stored(receipts, events) {
      if (!enabled()) return;
      const nowMs = clock.wallMs();
      receipts.forEach((receipt, i) => {
        if (!receipt.duplicate) take(receipt, isNamed(events[i] as NewEvent), nowMs);
      });
    },
  });

  return {
    stop,
    async recent(id) {
      // Taken before the table is read: what a group commit moves there meanwhile is seen twice rather than not at all.
      const fresh = [...(writing.get(id) ?? []), ...(waiting.get(id) ?? [])].map(({ event }) => event);
      const kept = (await store.read<readonly string[]>('plugins', 'events', id)).map((body) => JSON.parse(body) as StoredEvent);
      const seen = new Set(fresh.map(({ revision }) => revision));
      const all = [...fresh, ...kept.filter(({ revision }) => !seen.has(revision))].sort((a, b) => b.revision - a.revision);
      return firstWithinMessage(all.slice(0, keptEvents));
    },
    forget(id) {
      for (const one of waiting.get(id) ?? []) {
        count -= 1;
        bytes -= one.bytes;
      }
      waiting.delete(id);
      writing.delete(id);
    },
    flush,
    async catchUp() {
      cursor = await store.read<number>('plugins', 'cursor', undefined);
      keptCursor = cursor;
      for (;;) {
        const { events, nextCursor } = await journal.list({ order: 'asc', pageSize: 1000, cursor });
        // Whether a source was given or was the name of a token is not known any more: only plugins that are known are followed.
        for (const event of events)
          take(receiptOf(event, { duplicate: false, bytes: eventSize(event) }), registry.find(event.source) !== undefined, clock.wallMs());
        if (count >= settings().bufferSize || bytes > maxBufferBytes) await flush();
        if (nextCursor === undefined) break;
        cursor = nextCursor;
      }
      cursor = Math.max(cursor, journal.stats().lastRevision);
      await flush();
    },
  };
}
