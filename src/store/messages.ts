import type { ErrorReason } from '../kernel/catalogue.ts';
import { AgentError, type AgentErrorOptions } from '../kernel/errors.ts';
import type { DiskKind } from './disk-errors.ts';

/** What goes between the store and its threads: structured-clone data only. */

export interface WorkerOptions {
  readonly role: 'writer' | 'reader';
  readonly path: string;
  readonly durability: 'full' | 'relaxed';
  /** URL of the module that exports `rooms` (Procedures). */
  readonly procedures: string;
  /** The integrity of the file is checked, and a damaged one moved aside: at the start of the agent only. */
  readonly check: boolean;
}

export interface Call {
  readonly n: number;
  /** A read is answered after the group of writes that it came with, on a connection that can only read. */
  readonly kind: 'read' | 'write';
  readonly room: string;
  readonly name: string;
  readonly args: unknown;
  readonly records: number;
}

export type ToWorker = { readonly kind: 'calls'; readonly calls: readonly Call[] } | { readonly kind: 'collect' | 'probe' | 'stop' };

/** An error in a form that a structured clone keeps. */
export interface Failure {
  readonly message: string;
  readonly reason?: ErrorReason;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly retryAfterMs?: number;
  readonly stack?: string;
}

export type Result = { readonly n: number; readonly value: unknown } | { readonly n: number; readonly failure: Failure };

/** The state of the writer's disk; undefined when it can be written. */
export interface Trouble {
  readonly kind: DiskKind;
  readonly message: string;
}

export type FromWorker =
  | { readonly kind: 'ready'; readonly quarantined: string | undefined }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'results'; readonly results: readonly Result[] }
  | { readonly kind: 'trouble'; readonly trouble: Trouble | undefined };

export function toFailure(error: unknown): Failure {
  if (error instanceof AgentError) {
    const { message, reason, metadata, retryAfterMs } = error;
    return { message, reason, metadata, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
  if (error instanceof Error) return { message: error.message, ...(error.stack === undefined ? {} : { stack: error.stack }) };
  return { message: String(error) };
}

export function toError(failure: Failure): Error {
  if (failure.reason === undefined)
    return new AgentError('INTERNAL', `a store procedure failed: ${failure.message}`, { cause: failure.stack });
  const options: AgentErrorOptions = {
    ...(failure.metadata ? { metadata: failure.metadata } : {}),
    ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
  };
  return new AgentError(failure.reason, failure.message, options);
}

/** How soon a call that met a bad disk may be tried again: the writer looks at the disk once a second. */
export const retryAfterMs = 1000;

export function troubleFailure(trouble: Trouble): Failure {
  const reason = trouble.kind === 'full' ? 'JOURNAL_FULL' : 'JOURNAL_UNAVAILABLE';
  return { reason, message: trouble.message, metadata: { kind: trouble.kind }, retryAfterMs };
}
