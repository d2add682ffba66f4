import type { UnitSettings } from '../settings/types.ts';
import type { ProcessContext } from './context.ts';
import { fromRecord } from './lifecycle/durable.ts';
import { untouched } from './lifecycle/transition.ts';
import type { Lifecycle } from './lifecycle/types.ts';
import { bootId } from './proc.ts';
import { readRecord } from './record-file.ts';
import { adoptRun, type Run, treeOf } from './run.ts';
import type { RunTree } from './run-tree.ts';
import { type RunRecord, runFiles, type UnitRecord } from './unit-record.ts';

/** A unit as the daemon before this one left it. */
export interface Restored {
  /** undefined: nobody ever asked anything of it. */
  readonly record: UnitRecord | undefined;
  /** Number of that record. */
  readonly sequence: number;
  readonly life: Lifecycle;
  readonly run: Run | undefined;
  readonly runRecord: RunRecord | undefined;
  /** The program of the run is proven to live: it is adopted. Otherwise it ended while there was no daemon. */
  readonly lives: boolean;
  /** What a start that was cut short may have left: it is ended before the next one. */
  readonly leftover: RunTree | undefined;
}

/** Reads the record of a unit and takes over what runs; at once, so that nobody can ask about a unit that is not adopted yet. */
export function restore(context: ProcessContext, unit: UnitSettings): Restored {
  const stored = readRecord(runFiles(context.stateDir, unit.id).record);
  const record = stored?.record;
  if (stored === undefined || record === undefined) {
    return { record, sequence: 0, life: untouched, run: undefined, runRecord: undefined, lives: false, leftover: undefined };
  }
  const runRecord = record.run;
  const run = runRecord !== undefined && runRecord.pid > 0 ? adoptRun(context, unit, runRecord) : undefined;
  const lives = run?.tree.program !== undefined;
  const { clock } = context;
  const life = fromRecord(record, {
    run: run && { runId: run.runId, pid: run.pid, startTimeMs: run.startTimeMs, startedMs: run.startedMs },
    clocks: { nowMs: clock.monotonicMs(), wallMs: clock.wallMs() },
    unit,
  });
  const adopted = lives && (life.phase.state === 'READY' || life.phase.state === 'RUNNING');
  return {
    record,
    sequence: stored.sequence,
    life: adopted ? { ...life, reason: 'ADOPTED', message: `adopted with pid ${run?.pid}` } : life,
    run,
    runRecord,
    lives,
    leftover: run === undefined && runRecord !== undefined ? treeOf(context, runRecord) : undefined,
  };
}

/**
 * Whether a unit is to be started with the daemon. What was last asked of it counts; of one that nobody asked anything of, its
 * settings decide, and so they do for one that rests (EXITED, CRASH_LOOP) when the daemon, or the machine, began anew in between.
 */
export function wantsStart(
  { desired, phase }: Lifecycle,
  { before, autostart }: { readonly before: UnitRecord | undefined; readonly autostart: boolean },
): boolean {
  if (before === undefined) return autostart && phase.state === 'STOPPED';
  if (desired === 'DOWN') return false;
  if (phase.state === 'STOPPED') return true;
  const anew = before.closed || before.bootId !== bootId();
  return autostart && anew && (phase.state === 'EXITED' || phase.state === 'CRASH_LOOP');
}
