/** What can be asked of each supervisor alike. */
export interface Supervisor {
  readonly name: string;
  /** Its own processes, those that it keeps beside each unit included: what it costs. */
  pids(): readonly number[];
  /** Those of them that there are without any unit. */
  alone(): readonly number[];
  /** Those of them that start and end programs, and live on: what a start costs is their CPU time. */
  servers(): readonly number[];
  start(id: string): Promise<void>;
  /** Resolves when it was asked: who measures waits for the end of the program. */
  stop(id: string): Promise<void>;
  startAll(ids: readonly string[]): Promise<void>;
  stopAll(ids: readonly string[]): Promise<void>;
  /** How long a program must have lived to be started again without a pause, ms. */
  readonly livesMs: number;
}

export interface SupervisorOptions {
  /** An empty directory of its own. */
  readonly dir: string;
  /** What every unit runs. */
  readonly command: readonly [string, ...string[]];
  readonly ids: readonly string[];
  /** To be called at the end. */
  readonly defer: (undo: () => unknown) => void;
}

export type OpenSupervisor = (options: SupervisorOptions) => Promise<Supervisor>;
