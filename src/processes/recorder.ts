import type { JsonObject, NewEvent } from '../events/types.ts';
import { ulid } from '../kernel/ids.ts';
import type { ProcessContext } from './context.ts';
import { isUntouched, toRecord } from './lifecycle/durable.ts';
import type { Lifecycle } from './lifecycle/types.ts';
import { bootId } from './proc.ts';
import { syncRecord, writeRecord } from './record-file.ts';
import type { Restored } from './restore.ts';
import { createStartSpans } from './start-spans.ts';
import { type ProcessEventType, processEvent } from './story.ts';
import { type RunRecord, removeUnitFiles, runFiles } from './unit-record.ts';

/** Events that the journal has surely committed by then need not be handed in again. */
const recentForMs = 10_000;
const maxRecent = 16;
/** The record is written with every step: what was told with many long lines is handed in once, and not again. */
const maxRecentChars = 128 << 10;

export interface ToldEvent {
  readonly type: ProcessEventType;
  readonly data: JsonObject;
  readonly traceId: string;
  /** When it happened, Unix ms; absent = now. */
  readonly timeMs?: number;
}

/** Keeps the record of one unit: what is true after a step is on disk before anything of it is done, then it is told. */
export interface Recorder {
  /** Writes the record where it changed, then emits the events. */
  commit(life: Lifecycle, run: RunRecord | undefined, events: readonly ToldEvent[]): void;
  /** Why the record could not be written last; undefined when it stands. */
  failure(): unknown;
  /** Resolves when what was committed by now survives a loss of power too. */
  settled(): Promise<void>;
  /** The unit is gone: so is its record, once the journal has what was told, which nobody would hand in again. */
  remove(): Promise<void>;
}

export function createRecorder(context: ProcessContext, id: string, before: Pick<Restored, 'record' | 'sequence'>): Recorder {
  const { clock, journal, logger } = context;
  const files = runFiles(context.stateDir, id);
  let { sequence } = before;
  let desired = before.record?.desired ?? 'DOWN';
  let written: { readonly life: Lifecycle | undefined; readonly run: RunRecord | undefined } = { life: undefined, run: undefined };
  // What the daemon before this one told last: it may have been killed before the journal had it, and so may this one.
  const inherited = before.record?.told ?? [];
  let recent: readonly RecentEvent[] = inherited.map((event) => recentAt(event, clock.monotonicMs()));
  const seen = createStartSpans(context.spans, id);
  const named = new Set<string>();
  let problem: unknown;
  let syncing: Promise<void> = Promise.resolve();

  const write = (life: Lifecycle, run: RunRecord | undefined): void => {
    const told = recent.map(({ event }) => event);
    const record = toRecord(life, { id, run, bootId: bootId(), told }, { nowMs: clock.monotonicMs(), wallMs: clock.wallMs() });
    try {
      writeRecord(files.record, { sequence: sequence + 1, record });
    } catch (error) {
      problem = error;
      logger.warn({ process: id, error }, 'the record of a unit could not be written');
      return;
    }
    sequence += 1;
    written = { life, run };
    problem = undefined;
    if (record.desired === desired) return;
    desired = record.desired;
    const flushed = syncRecord(files.record, sequence, named);
    syncing = flushed.catch((error: unknown) => logger.warn({ process: id, error }, 'the record of a unit could not be flushed'));
  };

  for (const event of inherited) journal.emit(event);

  return {
    commit(life, run, events) {
      for (const event of events) seen(event);
      const atMs = clock.monotonicMs();
      const wallMs = clock.wallMs();
      const fresh = events.map(
        (event): NewEvent => ({
          ...processEvent({ id, ...event }),
          id: ulid(wallMs),
          time: instant(event.timeMs ?? wallMs),
        }),
      );
      if (fresh.length > 0)
        recent = newest([...recent.filter((one) => atMs - one.atMs < recentForMs), ...fresh.map((event) => recentAt(event, atMs))]);
      const changed = life !== written.life || run !== written.run;
      if (changed && (sequence > 0 || !isUntouched(life))) write(life, run);
      for (const event of fresh) journal.emit(event);
    },
    failure: () => problem,
    settled: () => syncing,
    async remove() {
      await journal.settled();
      removeUnitFiles(files, sequence);
    },
  };
}

/** As many of the newest as may be kept, in their order. */
function newest(events: readonly RecentEvent[]): readonly RecentEvent[] {
  const kept: RecentEvent[] = [];
  let chars = 0;
  for (const event of events.slice(-maxRecent).reverse()) {
    chars += event.chars;
    if (chars > maxRecentChars) break;
    kept.unshift(event);
  }
  return kept;
}

interface RecentEvent {
  readonly event: NewEvent;
  readonly atMs: number;
  /** Measured once: the record is written with every step. */
  readonly chars: number;
}

function recentAt(event: NewEvent, atMs: number): RecentEvent {
  return { event, atMs, chars: JSON.stringify(event).length };
}

function instant(wallMs: number): { readonly seconds: number; readonly nanos: number } {
  const ms = Math.trunc(wallMs);
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 };
}
