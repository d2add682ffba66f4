import { AgentError } from '../kernel/errors.ts';
import type { UnitSettings } from '../settings/types.ts';
import type { ProcessContext } from './context.ts';
import { engines } from './engines/index.ts';
import type { Verdict } from './lifecycle/types.ts';
import type { Run } from './run.ts';
import { proveStartup, startTimeoutMs } from './startup-proof.ts';

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

/** Where a run stands the moment it was spawned: a command is READY as soon as it runs, an engine has its start to prove. */
export function standsAtBirth(unit: UnitSettings): MonitoredRun['stands'] {
  return unit.engine === undefined ? 'READY' : 'STARTING';
}

/** Proves the start of an engine by its mark or its listeners. */
export function startupMonitor({ clock }: ProcessContext): Monitor {
  return ({ unit, run, stands, readyWithinMs, signal }, report) => {
    if (unit.engine === undefined || stands !== 'STARTING') return;
    const timeoutMs = readyWithinMs ?? startTimeoutMs;
    const { configPath, id } = unit;
    const message = `${id} did not prove its start within ${timeoutMs / 1000} s; see its last lines`;
    proveStartup({ engine: engines[unit.engine], configPath, pid: run.pid, collection: run.collection, clock, signal, timeoutMs }).then(
      (ok) => report(ok ? { kind: 'startup-passed', ready: true } : { kind: 'startup-failed', reason: 'START_TIMEOUT', message }),
      (error: unknown) => {
        if (!signal.aborted) report({ kind: 'startup-failed', reason: 'START_TIMEOUT', message: `${message} (${describe(error)})` });
      },
    );
  };
}

function describe(error: unknown): string {
  return error instanceof AgentError || error instanceof Error ? error.message : String(error);
}
