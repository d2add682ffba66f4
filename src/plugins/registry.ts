import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Store } from '../store/index.ts';
import type { Logger, Metrics } from '../telemetry/index.ts';
import type { AwakeClock } from './awake-clock.ts';
import { encodeFacts, restoreFacts } from './facts.ts';
import type { PluginRow } from './plugin-procedures.ts';
import { newRecord, type PluginRecord, viewOf } from './record.ts';
import type { PluginChange, PluginView } from './types.ts';

/** The plugins that are known, within a bound, on disk and in memory. */
export interface Registry {
  find(id: string): PluginRecord | undefined;
  /** Throws PLUGIN_NOT_FOUND. */
  get(id: string): PluginRecord;
  all(): IterableIterator<PluginRecord>;
  size(): number;
  /** The record of an id, new where there is none: undefined (and counted) beyond the bound. */
  know(id: string): PluginRecord | undefined;
  /** As `know`, but one that is known by its events alone makes room. Throws PLUGIN_LIMIT_REACHED. */
  admit(id: string): PluginRecord;
  /** As `admit`, for one that the configuration declares: it is known beyond the bound too. */
  declare(id: string): PluginRecord;
  view(record: PluginRecord): PluginView;
  views(): readonly PluginView[];
  /** Tells watchers of a change, and keeps it on disk with the next save. */
  touch(record: PluginRecord): void;
  /** Notes what is worth keeping but not telling. */
  dirty(record: PluginRecord): void;
  /** What is to be kept; it counts as kept from now on. */
  takeDirty(): readonly PluginRow[];
  /** It was not kept after all. */
  putBack(rows: readonly PluginRow[]): void;
  remove(record: PluginRecord): Promise<void>;
  onChange(fn: (change: PluginChange) => void): () => void;
  setLimit(plugins: number): void;
}

export interface RegistryOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly awake: AwakeClock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly limit: number;
}

/** Reads what was known before. */
export async function openRegistry(options: RegistryOptions): Promise<Registry> {
  const { store, clock, awake, logger } = options;
  const refused = options.metrics.counter('sboxagent_limit_refused_total');
  const records = new Map<string, PluginRecord>();
  const dirtyIds = new Set<string>();
  const listeners = new Set<(change: PluginChange) => void>();
  const epoch = Math.trunc(clock.wallMs()).toString(36);
  let { limit } = options;

  for (const { id, facts } of await store.read<readonly PluginRow[]>('plugins', 'all', undefined)) {
    const record = newRecord(id, awake.nowMs());
    try {
      restoreFacts(record, facts, awake.nowMs());
      records.set(id, record);
    } catch (error) {
      logger.error({ plugin: id, err: error }, 'what was kept of a plugin cannot be read; it is unknown until it comes again');
    }
  }

  const notify = (change: PluginChange): void => {
    for (const fn of listeners) fn(change);
  };
  const view = (record: PluginRecord): PluginView => viewOf(record, { epoch, nowMs: awake.nowMs(), wallMs: clock.wallMs() });
  const forget = (record: PluginRecord): void => {
    records.delete(record.id);
    dirtyIds.delete(record.id);
    notify({ plugins: [], removedIds: [record.id] });
  };
  const make = (id: string): PluginRecord => {
    const record = newRecord(id, awake.nowMs());
    records.set(id, record);
    return record;
  };
  /** The one that nobody registered and that was silent longest. */
  const oldestUnregistered = (): PluginRecord | undefined => {
    const unregistered = [...records.values()].filter((r) => r.kind === undefined && !r.registering && r.enabled && r.configRevision === 0);
    return unregistered.sort((a, b) => (a.lastSeenMs ?? 0) - (b.lastSeenMs ?? 0))[0];
  };
  /** Forgets an unregistered plugin where the bound is reached; false where there is none. */
  const makeRoom = (): boolean => {
    if (records.size < limit) return true;
    const leaving = oldestUnregistered();
    if (leaving === undefined) return false;
    forget(leaving);
    dropRow(leaving.id).catch((error: unknown) => logger.warn({ err: error }, 'a plugin could not be forgotten on the disk'));
    return true;
  };
  const row = (record: PluginRecord): PluginRow => ({ id: record.id, facts: encodeFacts(record) });
  const dropRow = (id: string): Promise<void> => store.write('plugins', 'remove', id);

  return {
    find: (id) => records.get(id),
    get(id) {
      const record = records.get(id);
      if (record === undefined) throw new AgentError('PLUGIN_NOT_FOUND', `there is no plugin ${id}`, { metadata: { plugin_id: id } });
      return record;
    },
    all: () => records.values(),
    size: () => records.size,
    know(id) {
      const known = records.get(id);
      if (known !== undefined) return known;
      if (records.size < limit) return make(id);
      refused.add(1, { limit: 'plugins' });
      return undefined;
    },
    admit(id) {
      const known = records.get(id);
      if (known !== undefined) return known;
      if (!makeRoom()) {
        refused.add(1, { limit: 'plugins' });
        throw new AgentError('PLUGIN_LIMIT_REACHED', `${limit} plugins are known already (plugins.limits.plugins)`, {
          metadata: { limit: String(limit) },
        });
      }
      return make(id);
    },
    declare(id) {
      const known = records.get(id);
      if (known === undefined) makeRoom();
      return known ?? make(id);
    },
    view,
    views: () => [...records.values()].sort((a, b) => (a.id < b.id ? -1 : 1)).map(view),
    touch(record) {
      if (records.get(record.id) !== record) return;
      record.changes += 1;
      dirtyIds.add(record.id);
      notify({ plugins: [view(record)], removedIds: [] });
    },
    dirty: (record) => void dirtyIds.add(record.id),
    takeDirty() {
      const rows = [...dirtyIds].flatMap((id) => records.get(id) ?? []).map(row);
      dirtyIds.clear();
      return rows;
    },
    putBack(rows) {
      for (const { id } of rows) if (records.has(id)) dirtyIds.add(id);
    },
    async remove(record) {
      await dropRow(record.id);
      forget(record);
    },
    onChange(fn) {
      listeners.add(fn);
      return () => void listeners.delete(fn);
    },
    setLimit(plugins) {
      limit = plugins;
    },
  };
}
