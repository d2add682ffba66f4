import type { UnitSettings } from '../settings/types.ts';
import type { Verdict } from './lifecycle/types.ts';
import type { Run } from './run.ts';

/** A run as its monitors see it. */
export interface MonitoredRun {
  readonly unit: UnitSettings;
  readonly run: Run;
  /** Where it stands as the monitor begins: STARTING after a spawn, anything after an adoption. */
  readonly stands: 'STARTING' | 'RUNNING' | 'READY';
  /** By when, in ms from now, an apply wants it READY; undefined = no apply is in progress. */
  readonly readyWithinMs: number | undefined;
  /** Fires when the run has ended, is being ended, or is left to the next daemon. Everything the monitor does ends with it. */
  readonly signal: AbortSignal;
}

/**
 * Looks after a run from the moment it is there and reports what it finds; the machine decides what follows. Monitors know
 * nothing of each other: the proof of a start, probes, and the memory ceiling are one each. It must not throw.
 */
export type Monitor = (subject: MonitoredRun, report: (verdict: Verdict) => void) => void;

/** Where a run stands the moment it was spawned: a command without probes is READY as soon as it runs, an engine has its start to prove. */
export function standsAtBirth({ engine, probes }: Pick<UnitSettings, 'engine' | 'probes'>): MonitoredRun['stands'] {
  if (engine !== undefined || probes.startup !== undefined) return 'STARTING';
  return probes.readiness === undefined ? 'READY' : 'RUNNING';
}
