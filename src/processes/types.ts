/** See `Process` in process.proto for the meaning of the fields. */
export const processStates = ['STOPPED', 'STARTING', 'RUNNING', 'READY', 'BACKOFF', 'STOPPING', 'EXITED', 'CRASH_LOOP'] as const;
export type ProcessState = (typeof processStates)[number];

export interface ExitRecord {
  /** Absent after a signal. */
  readonly code?: number;
  /** `SIGKILL`; empty when it exited by itself. */
  readonly signal: string;
  readonly timeMs: number;
  readonly oomKilled: boolean;
  readonly durationMs: number;
}

export interface ProcessResources {
  readonly cpuUsageRatio: number;
  readonly residentMemoryBytes: number;
  readonly openFds: number;
  readonly threads: number;
}

/** A process as others see it: an immutable picture of one moment. */
export interface ProcessView {
  readonly id: string;
  readonly engine: string;
  /** Masked. */
  readonly command: readonly string[];
  readonly configPath: string;
  readonly inline: boolean;
  readonly desired: 'UP' | 'DOWN';
  readonly state: ProcessState;
  /** 0 when it does not run. */
  readonly pid: number;
  readonly startTimeMs: number | undefined;
  readonly restartCount: number;
  /** Restarts since the daemon began, for the metric. */
  readonly restartsTotal: number;
  readonly nextStartTimeMs: number | undefined;
  readonly reason: string;
  readonly message: string;
  readonly exit: ExitRecord | undefined;
  readonly dependsOn: readonly string[];
  readonly etag: string;
}

export interface ProcessChange {
  readonly processes: readonly ProcessView[];
  readonly removedIds: readonly string[];
}

export interface StartOptions {
  /** Inline only; empty for a declared id. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly waitFor: 'SUBMITTED' | 'RUNNING' | 'READY';
  /** Gives up waiting (not starting) when it fires. */
  readonly signal: AbortSignal;
}

/** The room's front door. Methods throw AgentError (PROCESS_NOT_FOUND, PROCESS_ALREADY_RUNNING, …). */
export interface Supervisor {
  start(id: string, options: StartOptions): Promise<ProcessView>;
  /** Resolves when nothing of it is left. */
  stop(id: string, options: { readonly graceMs?: number }): Promise<ProcessView>;
  /** `traceId`: the story that the events of this restart belong to. */
  restart(id: string, options?: { readonly traceId?: string }): Promise<ProcessView>;
  reload(id: string): Promise<ProcessView>;
  /**
   * Lets a running program take up a config file that was changed: by SIGHUP where it catches that, else (SIGHUP would end it) by
   * a restart under the policy's rules.
   */
  readConfigAgain(id: string, options?: { readonly traceId?: string }): Promise<'signalled' | 'restarted' | 'not_running'>;
  get(id: string): ProcessView;
  /** By id. */
  list(): readonly ProcessView[];
  /** Figures of a running process at this moment; undefined when it does not run. */
  resources(id: string): Promise<ProcessResources | undefined>;
  /** Calls `fn` for every change, in order, synchronously. Answers how to stop. */
  onChange(fn: (change: ProcessChange) => void): () => void;
  /** DEGRADED while a process is in CRASH_LOOP, EXITED by a failure, or BACKOFF; names it. */
  health(): { readonly status: 'HEALTHY' | 'DEGRADED'; readonly message: string; readonly sinceMs: number };
}
