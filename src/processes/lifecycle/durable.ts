import type { NewEvent } from '../../events/types.ts';
import type { UnitSettings } from '../../settings/types.ts';
import type { RunRecord, UnitRecord } from '../unit-record.ts';
import { runOf, untouched } from './transition.ts';
import type { Lifecycle, Phase, RunFacts } from './types.ts';

interface Clocks {
  readonly nowMs: number;
  readonly wallMs: number;
}

export interface Beside {
  readonly id: string;
  readonly run: RunRecord | undefined;
  readonly bootId: string;
  readonly told: readonly NewEvent[];
}

/** What is written down of a unit; times of the monotonic clock, which no later daemon has, become times of the wall clock. */
export function toRecord(life: Lifecycle, beside: Beside, { nowMs, wallMs }: Clocks): UnitRecord {
  const { desired, phase, reason, message, exit, lastEnd, restartCount, history } = life;
  return {
    version: 2,
    id: beside.id,
    desired,
    state: phase.state,
    reason,
    message,
    exit,
    lastEnd,
    dueWallMs: phase.state === 'BACKOFF' ? phase.dueWallMs : undefined,
    restartCount,
    history: { startsWallMs: history.starts.map((at) => wallMs - (nowMs - at)), attempts: history.attempts },
    run: runOf(phase) !== undefined || phase.state === 'STARTING' || phase.state === 'STOPPING' ? beside.run : undefined,
    bootId: beside.bootId,
    closed: life.halted,
    told: beside.told,
  };
}

/** Whether a unit stands as it would without any record. */
export function isUntouched(life: Lifecycle): boolean {
  return life.desired === 'DOWN' && life.phase.state === 'STOPPED' && life.reason === '';
}

export interface Found {
  /** The recorded run, dead or alive. */
  readonly run: RunFacts | undefined;
  readonly clocks: Clocks;
  readonly unit: Pick<UnitSettings, 'restart' | 'stop'>;
}

function phaseOf(record: UnitRecord, { run, clocks: { nowMs, wallMs }, unit }: Found): Phase {
  switch (record.state) {
    case 'STOPPED':
    case 'CRASH_LOOP':
      return { state: record.state };
    case 'EXITED':
      return { state: 'EXITED', held: undefined };
    case 'BACKOFF': {
      // A wall clock that was set back meanwhile makes no wait longer than the longest.
      const longestMs = unit.restart.maxMs * (1 + unit.restart.jitter);
      const waitMs = Math.min(longestMs, Math.max(0, (record.dueWallMs ?? wallMs) - wallMs));
      return { state: 'BACKOFF', dueMs: nowMs + waitMs, dueWallMs: wallMs + waitMs };
    }
    case 'STARTING':
      return { state: 'STARTING', run };
    case 'RUNNING':
    case 'READY':
      return run === undefined ? { state: 'STARTING', run } : { state: record.state, run };
    case 'STOPPING':
      return { state: 'STOPPING', run, graceMs: unit.stop.graceMs, why: { kind: 'requested' } };
  }
}

/** Where a unit stands by what the daemon before this one wrote down. */
export function fromRecord(record: UnitRecord, found: Found): Lifecycle {
  const { nowMs, wallMs } = found.clocks;
  const starts = record.history.startsWallMs.map((at) => nowMs - Math.max(0, wallMs - at));
  return {
    ...untouched,
    desired: record.desired,
    phase: phaseOf(record, found),
    history: { starts, attempts: record.history.attempts },
    restartCount: record.restartCount,
    reason: record.reason,
    message: record.message,
    exit: record.exit,
    lastEnd: record.lastEnd,
  };
}
