import type { Clock } from '../kernel/clock.ts';
import { createTurns, type Turns } from '../kernel/turns.ts';
import type { Logger, Metrics } from '../telemetry/types.ts';
import { type Draft, encode } from './entry.ts';
import { openSources } from './open-sources.ts';
import type { Shelf } from './query.ts';
import { createRing, type Ring } from './ring.ts';
import { createScanBudget } from './scan-budget.ts';
import { createScratch } from './scratch.ts';
import { openSequence, type Sequence } from './sequence.ts';
import type { Keep, SourceFilesOptions } from './source-files.ts';
import type { LogEntry, Logs } from './types.ts';
import { createStatus } from './writer-status.ts';

/** Lines of the agent's own log that may wait for the disk; collected lines wait in their spools instead. */
const maxWaiting = 10_000;
const maxBatch = 1000;
const maxSlices = 2;
const tidyEveryMs = 60_000;
const tidyAfterBytes = 1 << 20;

export interface Writer {
  /** Resolves when the lines are stored, or counted as dropped because the disk refused them. Never rejects. */
  append(drafts: readonly Draft[]): Promise<void>;
  /** Like `append` without waiting; refuses (false) when too much waits. */
  offer(draft: Draft): boolean;
  /** Resolves when every line that was taken before is stored, or counted as dropped. Never rejects. */
  settled(): Promise<void>;
  /** Counts lines that never came here. */
  dropped(source: string, count: number): void;
  /** Reading of spools, some units at a time: what is read waits in memory until it is stored. */
  readonly slices: Turns;
  readonly ring: Ring;
  /** Everything up to this seq is stored and in the ring, or nowhere. */
  published(): number;
  /** What can be read now. */
  shelf(): Shelf;
  onPublish(fn: () => void): () => void;
  onDrop(fn: (source: string, count: number) => void): () => void;
  health: Logs['health'];
  tidy(): Promise<void>;
  stop(): Promise<void>;
}

export interface WriterOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly keep: () => Keep;
  readonly onRemove: NonNullable<SourceFilesOptions['onRemove']>;
  /** An entry is in the ring no longer. */
  readonly fellOut: (entry: LogEntry) => void;
  /** Whether somebody writes to this source now: such a one never makes room for another. */
  readonly inUse: (source: string) => boolean;
}

/**
 * The one writer: it takes what waits of all sources, gives out seqs in the order of arrival, appends to each source's file, and only then shows the
 * batch to readers, in seq order. So a reader that has seen a seq has seen every lower one that it ever could.
 */
export async function openWriter(options: WriterOptions): Promise<Writer> {
  const { clock, metrics } = options;
  const lines = metrics.counter('sboxagent_log_lines_total');
  const lost = metrics.counter('sboxagent_log_lines_dropped_total');
  /** Sources with a batch on its way. */
  const writing = new Set<string>();
  const sources = await openSources({
    ...options,
    packing: createTurns(1),
    inUse: (source) => writing.has(source) || options.inUse(source),
    // There before the first loss, so that an alert on its rise sees that one too.
    opened(source) {
      lines.add(0, { source });
      lost.add(0, { source });
    },
  });
  const budget = createScanBudget();
  const scratch = createScratch();
  const newest = sources.all().map((source) => source.newestSeq());
  const sequence = openSequence(options.dir, Math.max(0, ...newest));
  const ring = createRing(sequence.last(), options.fellOut);
  const publishListeners = new Set<() => void>();
  const dropListeners = new Set<(source: string, count: number) => void>();
  const status = createStatus(options);
  // Ages are measured from the wall clock of the start by the monotonic one: a clock that jumps deletes nothing.
  const anchor = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
  const now = (): number => anchor.wallMs + clock.monotonicMs() - anchor.monotonicMs;
  let waiting: Draft[] = [];
  let published = sequence.last();
  let running: Promise<void> | undefined;
  let tidying: Promise<void> = Promise.resolve();
  let tidyWaits = false;
  let sinceTidy = 0;
  // Lines that were ever taken, and those of them that no longer wait.
  let taken = 0;
  let ended = 0;
  const settling: { readonly upTo: number; readonly resolve: () => void }[] = [];
  let stopped = false;

  const dropped = (source: string, count: number): void => {
    if (count <= 0) return;
    lost.add(count, { source });
    for (const fn of dropListeners) fn(source, count);
  };
  const store = async (source: string, entries: readonly Numbered[]): Promise<readonly LogEntry[]> => {
    const text = entries.map((entry) => entry.text).join('');
    const whole = entries.filter(({ entry }) => !entry.partial).length;
    try {
      const [firstSeq = 0, lastSeq = 0] = [entries[0]?.entry.seq, entries.at(-1)?.entry.seq];
      const into = await sources.filesOf(source);
      await scratch.encoded(text, (bytes) => into.append({ bytes, firstSeq, lastSeq, nowMs: now() }));
    } catch (error) {
      status.failed(error);
      dropped(source, whole);
      return [];
    } finally {
      writing.delete(source);
    }
    status.succeeded();
    lines.add(whole, { source });
    sinceTidy += text.length;
    return entries.map((entry) => entry.entry);
  };
  const flush = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, maxBatch);
      waiting = waiting.slice(maxBatch);
      const groups = number(batch, sequence);
      const last = sequence.last();
      // One new source after the other: each may have to make room.
      for (const source of groups.keys()) writing.add(source);
      for (const source of groups.keys()) if (!sources.has(source)) await sources.filesOf(source).catch(() => undefined);
      const stored = await Promise.all([...groups].map(([source, entries]) => store(source, entries)));
      for (const entry of stored.flat().sort((a, b) => a.seq - b.seq)) ring.push(entry);
      published = last;
      for (const fn of publishListeners) fn();
      ended += batch.length;
      while ((settling[0]?.upTo ?? Number.POSITIVE_INFINITY) <= ended) settling.shift()?.resolve();
      if (sinceTidy >= tidyAfter()) void tidy();
    }
  };
  const run = (): Promise<void> => {
    running ??= Promise.resolve()
      .then(flush)
      .finally(() => {
        running = undefined;
        if (waiting.length > 0) void run();
      });
    return running;
  };
  const take = (drafts: readonly Draft[]): void => {
    taken += drafts.length;
    for (const draft of drafts) waiting.push(draft);
    void run();
  };
  const settled = (): Promise<void> =>
    ended === taken ? Promise.resolve() : new Promise((resolve) => settling.push({ upTo: taken, resolve }));
  const tidyAfter = (): number => Math.min(tidyAfterBytes, options.keep().maxBytesPerSource / options.keep().files);
  /** Who asks while one waits to begin is served by that one. */
  const tidy = (): Promise<void> => {
    sinceTidy = 0;
    if (tidyWaits) return tidying;
    tidyWaits = true;
    tidying = tidying.then(async () => {
      tidyWaits = false;
      await sources.tidy(now, (source) => writing.has(source));
    });
    return tidying;
  };
  const cancelTidy = clock.every(tidyEveryMs, () => void tidy());
  void tidy();

  return {
    append(drafts) {
      if (drafts.length === 0 || stopped) return Promise.resolve();
      take(drafts);
      return settled();
    },
    offer(draft) {
      if (stopped) return false;
      if (waiting.length >= maxWaiting) {
        dropped(draft.source, 1);
        return false;
      }
      take([draft]);
      return true;
    },
    settled,
    dropped,
    slices: createTurns(maxSlices),
    ring,
    published: () => published,
    shelf: () => ({ sources: sources.all(), budget, published }),
    onPublish: (fn) => subscribe(publishListeners, fn),
    onDrop: (fn) => subscribe(dropListeners, fn),
    health: status.health,
    tidy,
    async stop() {
      if (stopped) return;
      stopped = true;
      cancelTidy();
      while (waiting.length > 0 || running) await run();
      await tidying;
      await sources.close();
      sequence.save();
    },
  };
}

interface Numbered {
  readonly entry: LogEntry;
  readonly text: string;
}

function number(batch: readonly Draft[], sequence: Sequence): Map<string, Numbered[]> {
  const groups = new Map<string, Numbered[]>();
  for (const draft of batch) {
    const seq = sequence.next();
    const { mark: _, ...plain } = draft;
    const numbered = { entry: { seq, ...plain }, text: encode(seq, draft) };
    const group = groups.get(draft.source);
    if (group) group.push(numbered);
    else groups.set(draft.source, [numbered]);
  }
  return groups;
}

function subscribe<T>(set: Set<T>, fn: T): () => void {
  set.add(fn);
  return () => void set.delete(fn);
}
