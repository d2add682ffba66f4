import type { JsonObject } from '../../events/types.ts';
import type { UnitSettings } from '../../settings/types.ts';
import type { Ended, Failure } from '../ended.ts';
import type { RestartHistory } from '../restart-policy.ts';
import type { ProcessEventType } from '../story.ts';
import type { ExitRecord } from '../types.ts';

/** What the machine must know of a run; the run itself (pids, files, spool) is the interpreter's. */
export interface RunFacts {
  readonly runId: string;
  readonly pid: number;
  /** Unix ms. */
  readonly startTimeMs: number;
  /** Monotonic ms. */
  readonly startedMs: number;
}

/** Why a run is being ended: somebody asked, or it failed in a way that is no exit of its own and the restart policy goes on from there. */
export type Why = { readonly kind: 'requested' } | { readonly kind: 'failed'; readonly failure: Failure };

/**
 * Where a unit stands; one shape for each `ProcessState`. STARTING without a run: the spawn is under way. STOPPING without a run:
 * it was stopped during that, and the run is ended as soon as it is there.
 */
export type Phase =
  | { readonly state: 'STOPPED' | 'CRASH_LOOP' }
  | {
      readonly state: 'EXITED';
      /** Held back by a trial: what would have been decided is decided when the trial ends. */
      readonly held: Ended | undefined;
    }
  | { readonly state: 'BACKOFF' /** Monotonic ms. */; readonly dueMs: number /** The same, Unix ms. */; readonly dueWallMs: number }
  | { readonly state: 'STARTING'; readonly run: RunFacts | undefined }
  | { readonly state: 'RUNNING' | 'READY'; readonly run: RunFacts }
  | { readonly state: 'STOPPING'; readonly run: RunFacts | undefined; readonly graceMs: number; readonly why: Why };

/**
 * An apply in progress. While there is one, an end of the program is not answered by the restart policy and does not count
 * towards a crash loop: the unit is EXITED, the start that was waited for fails, and the apply decides. Not durable: a daemon
 * that finds the unit after a kill knows of no trial.
 */
export interface Trial {
  /** A start that has not passed its startup by then has failed (`apply.ready_within`); goes before the unit's own. */
  readonly readyWithinMs: number;
  /** Config file to start with instead of the unit's; undefined = the unit's own. */
  readonly configPath: string | undefined;
}

/** All that the machine knows of one unit. Immutable; a step answers a new one. */
export interface Lifecycle {
  readonly desired: 'UP' | 'DOWN';
  readonly phase: Phase;
  readonly history: RestartHistory;
  /** Restarts since the last start by request. */
  readonly restartCount: number;
  /** Restarts since the daemon began. */
  readonly restartsTotal: number;
  readonly reason: string;
  readonly message: string;
  readonly exit: ExitRecord | undefined;
  /** Data of the last `process.exited`; the cause that a crash loop tells. */
  readonly lastEnd: JsonObject;
  /** What the engine's check said against the config that is being started; '' = nothing. */
  readonly refusal: string;
  readonly trial: Trial | undefined;
  /** Trace id of the story that its events belong to until it is READY; '' = none. */
  readonly traceId: string;
  /** The daemon ends: nothing is started any more, and what is stopped keeps its desired state. */
  readonly halted: boolean;
}

/**
 * What a monitor (probes, the memory ceiling) says of a run. A verdict on a run that is not the present one is dropped.
 * - `startup-passed`: STARTING -> RUNNING, and READY at once where `ready` (there is no readiness probe, or it has passed).
 * - `startup-failed`: out of tries or of time: the run is ended and counts as a failed start.
 * - `readiness-changed`: RUNNING <-> READY; never ends anything.
 * - `liveness-failed`, `memory-exceeded`: out of tries, or over the ceiling: the run is ended (signal, grace, SIGKILL), then the
 *   restart policy goes on as after an exit, with the reason LIVENESS_PROBE or MEMORY_LIMIT.
 */
export type Verdict =
  | { readonly kind: 'startup-passed'; readonly ready: boolean }
  | { readonly kind: 'startup-failed'; readonly reason: string; readonly message: string }
  | { readonly kind: 'readiness-changed'; readonly ready: boolean; readonly message: string }
  | { readonly kind: 'liveness-failed'; readonly message: string }
  | { readonly kind: 'memory-exceeded'; readonly message: string };

/** All that can happen to a unit. */
export type Input =
  /** What is asked is written down, and done by a request that follows when dependencies, or dependents, are where they must be. */
  | { readonly kind: 'wanted'; readonly desired: 'UP' | 'DOWN' }
  /** What it depends on is not READY: it stays as it is, and is started when that is. */
  | { readonly kind: 'blocked'; readonly message: string }
  /** A person, an apply, or a dependent wants it up. Judge it before by `refusesStart`. */
  | { readonly kind: 'start-requested'; readonly traceId: string }
  | { readonly kind: 'stop-requested'; readonly graceMs: number; readonly traceId?: string | undefined }
  /** Ends what runs, if anything does, and starts it; the desired state becomes UP. */
  | { readonly kind: 'restart-requested'; readonly traceId: string }
  /** The daemon ends and this process with it; the desired state stays as it is. */
  | { readonly kind: 'shutdown'; readonly graceMs: number }
  /** The daemon ends and this process goes on. */
  | { readonly kind: 'released' }
  /** `stands`: where it stands by that alone; STARTING = a monitor has its start to prove first. */
  | { readonly kind: 'spawned'; readonly run: RunFacts; readonly stands: 'STARTING' | 'RUNNING' | 'READY' }
  | { readonly kind: 'spawn-failed'; readonly failure: Failure; readonly ended: Ended }
  /** The program ended by itself; its output is read. */
  | { readonly kind: 'program-ended'; readonly runId: string; readonly ended: Ended }
  /** Nothing is left of a run that the machine wanted ended. */
  | { readonly kind: 'run-terminated'; readonly runId: string; readonly ended: Ended }
  | { readonly kind: 'backoff-over' }
  | { readonly kind: 'verdict'; readonly runId: string; readonly verdict: Verdict }
  /** The engine's own check refuses the config that the next start would use: no five tries, CRASH_LOOP at once. */
  | { readonly kind: 'config-refused'; readonly message: string }
  | { readonly kind: 'trial-began'; readonly trial: Trial }
  | { readonly kind: 'trial-ended' };

/** How far a start that somebody waits for has come. */
export type Milestone = 'spawned' | 'running' | 'ready';

/**
 * What is to be done for a step, in order. What can be read off the state (the backoff's timer, the monitors of the run, the
 * record on disk, the picture that others see) is no effect: the interpreter brings it into line with the state after each step.
 */
export type Effect =
  /** From here on those who wait wait for the next start. */
  | { readonly do: 'open-attempt' }
  | { readonly do: 'reach'; readonly milestone: Milestone }
  | { readonly do: 'fail-attempt'; readonly failure: Failure; readonly ended: Ended | undefined }
  /** Those who wait for the end of a run, or for STOPPED, have it. */
  | { readonly do: 'report-down' }
  /** Answered by `spawned` or `spawn-failed`. */
  | { readonly do: 'spawn'; readonly restartCount: number }
  /** Ends the present run; answered by `run-terminated`. */
  | { readonly do: 'terminate'; readonly graceMs: number }
  /** Shortens the grace of the termination that is under way to at most this much from now. */
  | { readonly do: 'hasten'; readonly graceMs: number }
  /** Asks the engine whether it would take the config; answered by `config-refused` or by nothing. */
  | { readonly do: 'check-config' }
  | {
      readonly do: 'emit';
      readonly type: ProcessEventType;
      readonly data: JsonObject;
      readonly traceId: string;
      /** When it happened, Unix ms; absent = now. */
      readonly timeMs?: number;
    };

/** What a step is judged by, besides the state and the input. */
export interface Moment {
  readonly id: string;
  readonly restart: UnitSettings['restart'];
  /** The unit's own grace (`stop.grace`). */
  readonly graceMs: number;
  readonly nowMs: number;
  readonly wallMs: number;
  /** 0 (included) to 1 (excluded), for the jitter. */
  readonly random: number;
  /** Trace id for what an end that nobody asked for sets going. */
  readonly traceId: string;
  /** What an end that means that the config is bad says of it; undefined for any other. Pure. */
  readonly terminalRefusal: (ended: Ended) => string | undefined;
}

export interface Step {
  readonly next: Lifecycle;
  readonly effects: readonly Effect[];
}
