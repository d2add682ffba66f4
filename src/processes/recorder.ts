import type { JsonObject, NewEvent } from '../events/types.ts';
import { ulid } from '../kernel/ids.ts';
import type { ProcessContext } from './context.ts';
import { isUntouched, toRecord } from './lifecycle/durable.ts';
import type { Lifecycle } from './lifecycle/types.ts';
import { bootId } from './proc.ts';
import { type ProcessEventType, processEvent } from './story.ts';
import { type RunRecord, removeUnitFiles, runFiles, syncRecord, type UnitRecord, writeRecord } from './unit-record.ts';

/** Events that the journal has surely committed by then need not be handed in again. */
const toldForMs = 10_000;
const maxTold = 16;

export interface ToldEvent {
  readonly type: ProcessEventType;
  readonly data: JsonObject;
  readonly traceId: string;
}

/** Keeps the record of one unit: what is true after a step is on disk before anything of it is done, then it is told. */
export interface Recorder {
  /** Writes the record where it changed, then emits the events. */
  commit(life: Lifecycle, run: RunRecord | undefined, events: readonly ToldEvent[]): void;
  /** Why the record could not be written last; undefined when it stands. */
  failure(): unknown;
  /** Resolves when what was committed by now survives a loss of power too. */
  settled(): Promise<void>;
  /** The unit is gone: so is its record. */
  remove(): void;
}

export function createRecorder(context: ProcessContext, id: string, before: UnitRecord | undefined): Recorder {
  const { clock, journal, logger } = context;
  const files = runFiles(context.stateDir, id);
  let written = '';
  let desired = before?.desired ?? 'DOWN';
  let told: readonly (NewEvent & { readonly atMs: number })[] = [];
  let problem: unknown;
  let syncing: Promise<void> = Promise.resolve();
  let exists = before !== undefined;

  const write = (life: Lifecycle, run: RunRecord | undefined): void => {
    const clocks = { nowMs: clock.monotonicMs(), wallMs: clock.wallMs() };
    const events = life.halted ? [] : told.map(({ atMs: _, ...event }) => event);
    const record = toRecord(life, { id, run, bootId: bootId(), told: events }, clocks);
    // Times of the window move with the clocks; they alone are no reason to write.
    const identity = JSON.stringify({ ...record, history: record.history.startsWallMs.length });
    if (identity === written) return;
    try {
      writeRecord(files, record);
      written = identity;
      exists = true;
      problem = undefined;
    } catch (error) {
      problem = error;
      logger.warn({ process: id, error }, 'the record of a unit could not be written');
      return;
    }
    if (record.desired === desired) return;
    desired = record.desired;
    syncing = syncRecord(files).catch((error: unknown) => logger.warn({ process: id, error }, 'the record of a unit could not be flushed'));
  };

  // What the daemon before this one told last: it may have been killed before the journal had it.
  for (const event of before?.told ?? []) journal.emit(event);

  return {
    commit(life, run, events) {
      const atMs = clock.monotonicMs();
      const fresh = events.map((event) => ({
        ...processEvent({ id, ...event }),
        id: ulid(clock.wallMs()),
        time: instant(clock.wallMs()),
        atMs,
      }));
      told = [...told.filter((event) => atMs - event.atMs < toldForMs), ...fresh].slice(-maxTold);
      if (exists || !isUntouched(life)) write(life, run);
      for (const { atMs: _, ...event } of fresh) journal.emit(event);
    },
    failure: () => problem,
    settled: () => syncing,
    remove: () => removeUnitFiles(files),
  };
}

function instant(wallMs: number): { readonly seconds: number; readonly nanos: number } {
  const ms = Math.trunc(wallMs);
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 };
}
