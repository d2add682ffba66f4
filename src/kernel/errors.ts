import { catalogue, type ErrorCode, type ErrorReason } from './catalogue.ts';

/** What is wrong with one field of a request or one key of a document. */
export interface Violation {
  /** Path of the field: `event.priority`, `events[1].type`, `api.port`. */
  readonly field: string;
  /** What is wrong with it, for a person. */
  readonly message: string;
  /** The rule that it broke (`int32.lte`), where it has a name. */
  readonly rule?: string;
}

/** What an error carries besides its reason. */
export interface ErrorDetail {
  readonly kind: 'apply';
  /** Of that kind's type in its room; free of secrets. */
  readonly record: object;
}

export interface AgentErrorOptions {
  /** Facts for programs: the id, the limit. Never a secret. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly violations?: readonly Violation[];
  /** Waiting this long helps. */
  readonly retryAfterMs?: number | undefined;
  /** The thing that the error is about, as the caller would have got it: the api knows how each kind goes over the wire. */
  readonly detail?: ErrorDetail | undefined;
  /** What lies behind it: for our own log, never for the wire. */
  readonly cause?: unknown;
}

/**
 * An expected failure that crosses rooms. Its reason stands in the catalogue, which gives code and remedy;
 * the message says what happened and to which id.
 */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly reason: ErrorReason;
  readonly code: ErrorCode;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly Violation[];
  readonly retryAfterMs: number | undefined;
  readonly detail: ErrorDetail | undefined;

  constructor(reason: ErrorReason, message: string, options: AgentErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.code = catalogue[reason].code;
    this.metadata = options.metadata ?? {};
    this.violations = options.violations ?? [];
    this.retryAfterMs = options.retryAfterMs;
    this.detail = options.detail;
  }

  get remedy(): string {
    return catalogue[this.reason].remedy;
  }
}

/** An INVALID_REQUEST that names its fields. */
export function invalid(violations: readonly Violation[]): AgentError {
  return new AgentError('INVALID_REQUEST', violations.map((v) => `${v.field}: ${v.message}`).join('; '), { violations });
}

/** One thing that is wrong with a configuration, and where it stands. */
export interface Problem {
  /** Dotted key; empty where the document itself is unreadable. */
  readonly path: string;
  /** File, `document` for one that came with a request, `env NAME`, or a flag. */
  readonly file: string;
  /** From 1; 0 when unknown. */
  readonly line: number;
  /** `unknown_key`, `type`, `range`, `syntax`, `unfit`. */
  readonly rule: string;
  /** What is wrong and what to do. */
  readonly message: string;
}

/** A start that is refused (exit code 78): the configuration or the environment is not fit. One line says where and what to do. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  /** Each problem by itself, where it is one of the configuration; the message tells the first. */
  readonly problems: readonly Problem[];

  constructor(message: string, options: { readonly cause?: unknown; readonly problems?: readonly Problem[] } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.problems = options.problems ?? [];
  }
}

/** Name of a code in gRPC and its conventions: `not_found` is `NOT_FOUND`, and `canceled` has two l there. */
export function statusName(code: string): string {
  return code === 'canceled' ? 'CANCELLED' : code.toUpperCase();
}
