import type { Author } from '../../documents/index.ts';
import type { Problem } from '../../kernel/errors.ts';

/** See `Apply.Phase` in process_config.proto. */
export const applyPhases = ['CHECKING', 'SWAPPING', 'VERIFYING', 'COMMITTED', 'ROLLING_BACK', 'DONE'] as const;
export type ApplyPhase = (typeof applyPhases)[number];

/** See `Apply.Result`. */
export const applyResults = ['PENDING', 'VALID', 'APPLIED', 'REJECTED', 'ROLLED_BACK', 'FAILED'] as const;
export type ApplyResult = (typeof applyResults)[number];

export const stepNames = [
  'bounds',
  'policy',
  'check',
  'ports',
  'backup',
  'swap',
  'reload',
  'ready',
  'probe',
  'commit',
  'restore',
  'restart',
] as const;
export type StepName = (typeof stepNames)[number];

export interface ApplyStep {
  readonly name: StepName;
  readonly status: 'ACTIVE' | 'PASSED' | 'FAILED' | 'SKIPPED';
  readonly message: string;
  readonly startTimeMs: number;
  /** undefined while it is under way. */
  readonly endTimeMs: number | undefined;
}

/** What putting a config into effect means for the traffic. */
export interface ApplyImpact {
  readonly restart: boolean;
  readonly dropsConnections: boolean;
  /** `tcp 127.0.0.1:1080`. */
  readonly portsAdded: readonly string[];
  readonly portsRemoved: readonly string[];
}

/** One apply as others see it: an immutable picture of one moment, free of secrets. */
export interface ApplyRecord {
  readonly id: string;
  readonly processId: string;
  readonly phase: ApplyPhase;
  readonly result: ApplyResult;
  /** 0 = none. */
  readonly fromRevision: number;
  readonly revision: number;
  readonly runningRevision: number;
  readonly steps: readonly ApplyStep[];
  readonly engineOutput: readonly string[];
  readonly violations: readonly Problem[];
  readonly diff: string;
  readonly impact: ApplyImpact;
  readonly traceId: string;
  readonly author: string;
  readonly reason: string;
  readonly startTimeMs: number;
}

export type ConfigFormat = 'json' | 'yaml';

export interface ProcessConfigView {
  readonly id: string;
  /** Masked. */
  readonly content: string;
  readonly format: ConfigFormat;
  readonly revision: number;
  readonly etag: string;
  readonly author: string;
  readonly reason: string;
  readonly timeMs: number;
  readonly drifted: boolean;
  readonly driftDiff: string;
}

export interface ConfigRevisionView {
  readonly revision: number;
  readonly etag: string;
  readonly author: string;
  readonly reason: string;
  readonly timeMs: number;
  readonly result: ApplyResult;
  readonly diff: string;
}

export interface ApplyOptions {
  readonly content: string;
  /** undefined: as the engine reads the file. */
  readonly format?: ConfigFormat | undefined;
  /** Empty or undefined: whatever is there. */
  readonly etag?: string | undefined;
  readonly author: Author;
  readonly validateOnly?: boolean;
  /** Answers as soon as it is under way. */
  readonly background?: boolean;
}

/**
 * The configs of the engines. Methods throw AgentError: PROCESS_NOT_FOUND, PROCESS_HAS_NO_CONFIG, APPLY_NOT_FOUND, ETAG_STALE,
 * PROCESS_CONFIG_INVALID (unreadable), CONFIG_NOT_ALLOWED (policy), CONFIG_REFUSED (the engine's check), PORT_TAKEN, APPLY_ROLLED_BACK,
 * APPLY_FAILED, CONFIG_REVISION_NOT_FOUND, DISK_FULL, CONFIG_NOT_WRITTEN. One that has to do with an apply carries `apply_id` in its metadata, and the record as
 * its `detail`.
 */
export interface ProcessConfigs {
  get(id: string): Promise<ProcessConfigView>;
  apply(id: string, options: ApplyOptions): Promise<ApplyRecord>;
  rollback(
    id: string,
    options: { readonly revision: number; readonly author: Author; readonly background?: boolean },
  ): Promise<ApplyRecord>;
  find(applyId: string): Promise<ApplyRecord>;
  /** Newest first; `before` is exclusive. */
  revisions(id: string, page: { readonly before?: number | undefined; readonly limit: number }): Promise<readonly ConfigRevisionView[]>;
}
