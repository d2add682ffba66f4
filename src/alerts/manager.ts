import type { Journal } from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { ulid } from '../kernel/ids.ts';
import { createKeyedLock } from '../kernel/keyed-lock.ts';
import type { OpenStore } from '../store/index.ts';
import type { Logger } from '../telemetry/types.ts';
import { due, unpublished } from './alert-events.ts';
import type { Owed, SaveArgs } from './alert-procedures.ts';
import { type Book, type Entry, keyOf, maxFiring, rowOf } from './book.ts';
import { difference, type Evaluation, type Found, fired, measured } from './diff.ts';
import type { AlertChange, AlertView } from './types.ts';
import { createUnsaved } from './unsaved.ts';

/** Alerts whose events are published at once. */
const publishAlerts = 200;
/** How often alerts that are too old are looked for without another reason. */
const sweepEveryMs = 60_000;
/** A store that refuses for so long is not waited for: alerts are told, and stored when it is back. */
const storeWaitMs = 5000;

export interface ManagerOptions {
  readonly book: Book;
  readonly store: OpenStore;
  readonly journal: Pick<Journal, 'publish'>;
  readonly source: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly evaluate: () => Evaluation;
  /** Counts an alert that found no place. */
  readonly refused: () => void;
  /** Webhooks that want to be told of it. */
  readonly wantedBy: (view: AlertView) => readonly string[];
  /** Told of what fired or was resolved, when it is durable. */
  readonly changed: (views: readonly AlertView[]) => void;
}

/** Brings the book in line with what the rules say. Steps and acknowledgements run one after the other. */
export interface Manager {
  /** Asks for a step soon; many calls are one step. */
  kick(): void;
  acknowledge(id: string, by: string, comment: string): Promise<AlertView>;
  onChange(fn: (change: AlertChange) => void): () => void;
  /** Resolves when the step that runs is done; there is none after it. */
  stop(): Promise<void>;
}

export function createManager(options: ManagerOptions): Manager {
  const { book, store, clock, logger } = options;
  const lock = createKeyedLock();
  const listeners = new Set<(change: AlertChange) => void>();
  let asked = false;
  let stopped = false;
  let troubledSinceMs: number | undefined;
  /** In the book and not in the store, which refused them; and what is owed with them. */
  const unsaved = createUnsaved();
  let sweptMs = Number.NEGATIVE_INFINITY;
  let refusedKeys: ReadonlySet<string> = new Set();

  const notifyListeners = (alerts: readonly AlertView[]): void => {
    for (const fn of listeners) {
      try {
        fn({ alerts });
      } catch (error) {
        logger.error({ err: error }, 'a listener of alerts failed');
      }
    }
  };
  /** Stores and tells; `anyway`: after a while of refusals it tells what is not stored. */
  const commit = async (entries: readonly Entry[], owed: readonly Owed[], anyway: boolean): Promise<void> => {
    const more = entries.filter(({ view }) => view.state === 'RESOLVED' && book.get(view.id)?.view.state !== 'RESOLVED').length;
    const removed = book.overdue(store.ageing.nowMs(), more);
    sweptMs = clock.monotonicMs();
    const late = unsaved.entries(book).filter(({ view }) => !entries.some((entry) => entry.view.id === view.id));
    const rows = [...late, ...entries].map(rowOf);
    if (rows.length === 0 && removed.length === 0) return;
    const args: SaveArgs = { rows, owed: [...unsaved.owed(), ...owed], removed };
    try {
      await store.write('alerts', 'save', args, rows.length + removed.length);
      unsaved.clear();
    } catch (error) {
      troubledSinceMs ??= clock.monotonicMs();
      // An alert that the disk is full cannot wait for the disk.
      if (!anyway || clock.monotonicMs() - troubledSinceMs < storeWaitMs) throw error;
      unsaved.add(entries, owed);
    }
    for (const entry of entries) book.put(entry);
    book.remove(removed);
    const views = entries.map(({ view }) => view);
    if (views.length > 0) notifyListeners(views);
  };
  /** As many of the new ones as there is room for; a refusal is counted once as long as it lasts. */
  const admitted = (fresh: readonly Found[], ended: number): readonly Found[] => {
    const room = Math.max(0, maxFiring - book.firing.size + ended);
    const over = new Set(fresh.slice(room).map(keyOf));
    for (const key of over) if (!refusedKeys.has(key)) options.refused();
    refusedKeys = over;
    return fresh.slice(0, room);
  };
  const step = async (): Promise<void> => {
    const evaluation = options.evaluate();
    const { fresh, ended } = difference(book.firing, evaluation);
    refresh(book, evaluation);
    const wallMs = clock.wallMs();
    const started = admitted(fresh, ended.length).map(
      (one): Entry => ({ view: fired(one, ulid(wallMs), wallMs), told: 0, resolvedAgeMs: 0 }),
    );
    const resolved = ended.map(({ view, told }): Entry => {
      const endTimeMs = Math.max(wallMs, view.startTimeMs);
      return { view: { ...view, state: 'RESOLVED', endTimeMs }, told, resolvedAgeMs: store.ageing.nowMs() };
    });
    const entries = [...resolved, ...started];
    if (entries.length > 0 || unsaved.size() > 0 || clock.monotonicMs() - sweptMs >= sweepEveryMs) {
      const owed = resolved.flatMap(({ view }) => options.wantedBy(view).map((webhook) => ({ webhook, id: view.id })));
      await commit(entries, owed, true);
      if (entries.length > 0) options.changed(entries.map(({ view }) => view));
    }
    await publish(options);
  };
  let warned = false;
  const run = async (): Promise<void> => {
    asked = false;
    if (stopped) return;
    try {
      await step();
      if (unsaved.size() === 0) {
        troubledSinceMs = undefined;
        warned = false;
      }
    } catch (error) {
      // The next step finds the same difference.
      if (!warned) logger.warn({ err: error }, 'alerts cannot be stored; it is tried again');
      warned = true;
      troubledSinceMs ??= clock.monotonicMs();
    }
  };
  return {
    kick() {
      if (asked || stopped) return;
      asked = true;
      void lock.run('', run);
    },
    acknowledge: (id, by, comment) =>
      lock.run('', async () => {
        const entry = book.get(id);
        if (entry === undefined)
          throw new AgentError('ALERT_NOT_FOUND', `there is no alert ${JSON.stringify(id)}`, { metadata: { alert_id: id } });
        const acked = { ...entry, view: { ...entry.view, acknowledged: { by, timeMs: clock.wallMs(), comment } } };
        await commit([acked], [], false);
        return acked.view;
      }),
    onChange(fn) {
      listeners.add(fn);
      return () => listeners.delete(fn);
    },
    async stop() {
      stopped = true;
      await lock.run('', async () => {});
    },
  };
}

/** What is measured changes all the time: it is shown, but it is no news. */
function refresh(book: Book, { found }: Evaluation): void {
  for (const [key, entry] of book.firing) {
    const now = found.get(key);
    const view = now === undefined ? entry.view : measured(entry.view, now);
    if (view !== entry.view) book.put({ ...entry, view });
  }
}

/** Publishes what the journal does not have yet. Told twice after a crash in between, it is stored once: the ids are the same. */
async function publish({ book, store, journal, source, logger }: ManagerOptions): Promise<void> {
  const waiting = [...book.entries()].filter((entry) => entry.told < due(entry)).sort((a, b) => (a.view.id < b.view.id ? -1 : 1));
  for (let at = 0; at < waiting.length; at += publishAlerts) {
    const batch = waiting.slice(at, at + publishAlerts);
    await journal.publish(batch.flatMap(unpublished), { source, inside: true }).catch((error: unknown) => {
      if (!(error instanceof AgentError && error.reason === 'INVALID_REQUEST')) throw error;
      // It would be refused again and again, and hold back all others.
      logger.error({ err: error, alerts: batch.length }, 'events of alerts were refused by the journal');
    });
    for (const entry of batch) entry.told = due(entry);
    await store.write(
      'alerts',
      'told',
      batch.map(({ view, told }) => ({ id: view.id, told })),
      batch.length,
    );
  }
}
