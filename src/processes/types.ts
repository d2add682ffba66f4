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
  /** Revision of its managed config; 0 where there is none. */
  readonly configRevision: number;
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
  /** The story that the events of this start belong to. */
  readonly traceId?: string;
  /** Gives up waiting (not starting) when it fires. */
  readonly signal: AbortSignal;
}

export interface TrialOptions {
  /** A start that is not READY by then has failed (`apply.ready_within`). */
  readonly readyWithinMs: number;
  /** Config file to start with instead of the unit's own. */
  readonly configPath?: string;
  /** The story that the events of the trial's starts belong to. */
  readonly traceId?: string;
}

/**
 * A unit in the hands of an apply. While the trial lasts, an end of the program is not answered by the restart policy and does not
 * count towards a crash loop: the unit is EXITED (seen by `onChange`), what waits for its start fails, and the apply decides what
 * to start next. Requests of others go on: a stop stops it (the start that the apply waits for then fails), a start starts it.
 * Nothing of it is durable: a daemon that is killed is followed by one that treats the unit by its policy.
 */
export interface ProcessTrial {
  /** The config file of the next starts; undefined = the unit's own. */
  use(configPath: string | undefined): void;
  /**
   * Ends what runs, if anything does, and starts it; resolves when it is READY. Rejects with START_FAILED (metadata `exit_code` or
   * `signal` where it ended, the last lines in the message), BINARY_NOT_FOUND, SHUTTING_DOWN. What did not become READY in time
   * is left as it is: the caller starts the next one.
   */
  restart(): Promise<ProcessView>;
  /** Lets the engine read its file again; resolves when it says that it has. Throws as `Supervisor.reload`. */
  reload(): Promise<ProcessView>;
  /** The restart policy counts again; what has ended meanwhile and is wanted up is started. */
  end(): void;
}

/** The room's front door. Methods throw AgentError (PROCESS_NOT_FOUND, PROCESS_ALREADY_RUNNING, …). */
export interface Supervisor {
  start(id: string, options: StartOptions): Promise<ProcessView>;
  /** Resolves when nothing of it is left. */
  stop(id: string, options: { readonly graceMs?: number | undefined; readonly traceId?: string }): Promise<ProcessView>;
  /**
   * Ends what runs, if anything does, and starts it; resolves when its start is proved. What it would use is judged first: what runs goes on
   * where the engine refuses its config (CONFIG_REFUSED with its sentence), or the program is not there (BINARY_NOT_FOUND, …). `force`:
   * without that. `traceId`: the story that the events of this restart belong to.
   */
  restart(id: string, options?: { readonly traceId?: string; readonly force?: boolean }): Promise<ProcessView>;
  /**
   * Lets an engine that is up read its config again, judged first as by `restart`; resolves when it says that the config is in effect. An
   * engine that cannot do it in place is restarted. Throws CONFIG_REFUSED with the engine's sentence (the old one goes on), START_FAILED
   * where it ended by it, RELOAD_UNSUPPORTED for a command, PROCESS_NOT_READY.
   */
  reload(id: string, options?: { readonly force?: boolean }): Promise<ProcessView>;
  /**
   * Lets a running program take up a config file that was changed: by SIGHUP where it catches that, else (SIGHUP would end it) by
   * a restart under the policy's rules.
   */
  readConfigAgain(id: string, options?: { readonly traceId?: string }): Promise<'signalled' | 'restarted' | 'not_running'>;
  get(id: string): ProcessView;
  /** By id. */
  list(): readonly ProcessView[];
  /** Figures of a running process, of at most a second ago; undefined when it does not run. */
  resources(id: string): Promise<ProcessResources | undefined>;
  /** Calls `fn` for every change, in order, synchronously. Answers how to stop. */
  onChange(fn: (change: ProcessChange) => void): () => void;
  /** DEGRADED while a process is in CRASH_LOOP, EXITED by a failure, BACKOFF, or not ready by its probe; names it. */
  health(): { readonly status: 'HEALTHY' | 'DEGRADED'; readonly message: string; readonly sinceMs: number };
}
