import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../../gen/es/google/rpc/error_details_pb.js';

/** One field that the agent refused. */
export interface Violation {
  readonly field: string;
  readonly message: string;
}

/** A gRPC code by its name. */
export type CodeName =
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

/**
 * A call that failed. `reason` is the agent's own word (`PROCESS_NOT_FOUND`; docs/errors.md says what to do about each), empty where the
 * failure is not the agent's. `metadata` are facts by name, `violations` the refused fields, `retryAfterMs` the pause that the agent asks for,
 * undefined where waiting does not help. `cause` is Connect's own error, with its details.
 */
export class AgentError extends Error {
  override readonly name: string = 'AgentError';
  readonly code: CodeName;
  readonly reason: string;
  readonly violations: readonly Violation[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;

  constructor(cause: ConnectError) {
    super(cause.rawMessage, { cause });
    this.code = codeNames[cause.code];
    const [info] = cause.findDetails(ErrorInfoSchema);
    this.reason = info?.reason ?? '';
    this.metadata = { ...info?.metadata };
    this.violations = cause
      .findDetails(BadRequestSchema)
      .flatMap(({ fieldViolations }) => fieldViolations.map(({ field, description }) => ({ field, message: description })));
    const delay = cause.findDetails(RetryInfoSchema)[0]?.retryDelay;
    this.retryAfterMs = delay === undefined ? undefined : Number(delay.seconds) * 1000 + Math.ceil(delay.nanos / 1e6);
  }
}

export class Cancelled extends AgentError {
  override readonly name = 'Cancelled';
}
export class InvalidArgument extends AgentError {
  override readonly name = 'InvalidArgument';
}
export class DeadlineExceeded extends AgentError {
  override readonly name = 'DeadlineExceeded';
}
export class NotFound extends AgentError {
  override readonly name = 'NotFound';
}
export class AlreadyExists extends AgentError {
  override readonly name = 'AlreadyExists';
}
export class PermissionDenied extends AgentError {
  override readonly name = 'PermissionDenied';
}
export class ResourceExhausted extends AgentError {
  override readonly name = 'ResourceExhausted';
}
export class FailedPrecondition extends AgentError {
  override readonly name = 'FailedPrecondition';
}
export class Aborted extends AgentError {
  override readonly name = 'Aborted';
}
export class OutOfRange extends AgentError {
  override readonly name = 'OutOfRange';
}
export class Unimplemented extends AgentError {
  override readonly name = 'Unimplemented';
}
export class InternalError extends AgentError {
  override readonly name = 'InternalError';
}
export class Unavailable extends AgentError {
  override readonly name = 'Unavailable';
}
export class DataLoss extends AgentError {
  override readonly name = 'DataLoss';
}
export class Unauthenticated extends AgentError {
  override readonly name = 'Unauthenticated';
}

const codeNames: Readonly<Record<Code, CodeName>> = {
  [Code.Canceled]: 'CANCELLED',
  [Code.Unknown]: 'UNKNOWN',
  [Code.InvalidArgument]: 'INVALID_ARGUMENT',
  [Code.DeadlineExceeded]: 'DEADLINE_EXCEEDED',
  [Code.NotFound]: 'NOT_FOUND',
  [Code.AlreadyExists]: 'ALREADY_EXISTS',
  [Code.PermissionDenied]: 'PERMISSION_DENIED',
  [Code.ResourceExhausted]: 'RESOURCE_EXHAUSTED',
  [Code.FailedPrecondition]: 'FAILED_PRECONDITION',
  [Code.Aborted]: 'ABORTED',
  [Code.OutOfRange]: 'OUT_OF_RANGE',
  [Code.Unimplemented]: 'UNIMPLEMENTED',
  [Code.Internal]: 'INTERNAL',
  [Code.Unavailable]: 'UNAVAILABLE',
  [Code.DataLoss]: 'DATA_LOSS',
  [Code.Unauthenticated]: 'UNAUTHENTICATED',
};

const classes: Partial<Record<CodeName, new (cause: ConnectError) => AgentError>> = {
  CANCELLED: Cancelled,
  INVALID_ARGUMENT: InvalidArgument,
  DEADLINE_EXCEEDED: DeadlineExceeded,
  NOT_FOUND: NotFound,
  ALREADY_EXISTS: AlreadyExists,
  PERMISSION_DENIED: PermissionDenied,
  RESOURCE_EXHAUSTED: ResourceExhausted,
  FAILED_PRECONDITION: FailedPrecondition,
  ABORTED: Aborted,
  OUT_OF_RANGE: OutOfRange,
  UNIMPLEMENTED: Unimplemented,
  INTERNAL: InternalError,
  UNAVAILABLE: Unavailable,
  DATA_LOSS: DataLoss,
  UNAUTHENTICATED: Unauthenticated,
};

/** Whatever a call threw as an AgentError. */
export function agentError(error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  const cause = ConnectError.from(error);
  // Connect takes a time-out for a cancellation where the caller's own signal says so.
  const isLate = cause.code === Code.Canceled && cause.cause instanceof Error && cause.cause.name === 'TimeoutError';
  const code = isLate ? Code.DeadlineExceeded : isUnreached(cause) ? Code.Unavailable : cause.code;
  const known = code === cause.code ? cause : new ConnectError(cause.rawMessage, code, undefined, undefined, cause);
  const kind = classes[codeNames[known.code]] ?? AgentError;
  return new kind(known);
}

/** Connect calls INTERNAL what the system says of a socket that is not there (an agent that starts makes it anew). */
function isUnreached({ cause }: ConnectError): boolean {
  return cause instanceof Error && 'syscall' in cause && cause.syscall === 'connect';
}
