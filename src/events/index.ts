/**
 * The journal: durable, ordered, watchable. Ingest (judge, complete, mask: one walk) -> append (one group commit) -> ring -> feed -> watchers.
 *
 * Invariants: an event is acknowledged, and shown to anyone, only after it is durable; revisions rise strictly in the order of
 * commit, without holes inside the window, and are never used again; one (source, id) is stored once inside the window; a
 * watcher sees every kept event after its cursor once and in order, or a counted gap; no watcher has a queue, a timer or a generator of its own,
 * so that none delays a publisher or another watcher. What an event counts as is its size with everything it carries.
 *
 * May be imported by logs, config, alerts, audit, processes, plugins, sboxmgr, api (types) and app. It imports kernel, telemetry and store.
 */
export { compileFilter, type Matches } from './filter.ts';
export { type JournalOptions, type OpenJournal, openJournal } from './journal.ts';
export { receiptOf } from './receipt.ts';
export { isOwnType } from './reserved.ts';
export type { Retention } from './retention.ts';
export {
  type EventFilter,
  type EventHead,
  type Instant,
  type Journal,
  type JournalStats,
  type Json,
  type JsonObject,
  type NewEvent,
  type PublishContext,
  type PublishObserver,
  type Receipt,
  type Severity,
  type StoredEvent,
  severities,
  type WatchItem,
  type WatchOptions,
} from './types.ts';
export { createDataJudge, eventSize, firstWithinMessage } from './validate.ts';
