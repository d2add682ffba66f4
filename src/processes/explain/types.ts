import type { ExitRecord, ProcessResources, ProcessView } from '../types.ts';

/** The dossier of one process: see `ProcessExplanation` in process_service.proto. */
export interface ProcessExplanation {
  readonly process: ProcessView;
  readonly summary: string;
  /** Newest first. */
  readonly exits: readonly ExitRecord[];
  /** Oldest first. */
  readonly logLines: readonly string[];
  readonly configDiff: string;
  readonly resourcesAtExit: ProcessResources | undefined;
  readonly nextAction: string;
  readonly nextActionTimeMs: number | undefined;
  readonly remedies: readonly string[];
}
