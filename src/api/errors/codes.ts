/** The codes of errors: gRPC's numbers, HTTP's statuses, and the headers that go with them. */
import { Code } from '@connectrpc/connect';
import { type CatalogueEntry, catalogue, type ErrorCode } from '../../kernel/catalogue.ts';
import type { AgentError } from '../../kernel/errors.ts';

/** Number of a canonical code, as gRPC has it. */
export const grpcCodes: Readonly<Record<ErrorCode, Code>> = {
  canceled: Code.Canceled,
  invalid_argument: Code.InvalidArgument,
  deadline_exceeded: Code.DeadlineExceeded,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  permission_denied: Code.PermissionDenied,
  resource_exhausted: Code.ResourceExhausted,
  failed_precondition: Code.FailedPrecondition,
  aborted: Code.Aborted,
  out_of_range: Code.OutOfRange,
  unimplemented: Code.Unimplemented,
  internal: Code.Internal,
  unavailable: Code.Unavailable,
  unauthenticated: Code.Unauthenticated,
};

/** REST's statuses; the same as Connect's but for deadline_exceeded of a body (catalogue `http`). */
const httpStatuses: Readonly<Record<ErrorCode, number>> = {
  canceled: 499,
  invalid_argument: 400,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  permission_denied: 403,
  resource_exhausted: 429,
  failed_precondition: 400,
  aborted: 409,
  out_of_range: 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  unauthenticated: 401,
};

/** HTTP status of REST. */
export function httpStatusOf(error: AgentError): number {
  const entry: CatalogueEntry = catalogue[error.reason];
  return entry.http ?? httpStatuses[error.code];
}

/** HTTP status of Connect's unary answers: its own table, which knows no exceptions. */
export function connectHttpStatusOf(error: AgentError): number {
  return httpStatuses[error.code];
}

/** Headers that go with an error in every protocol. */
export function errorHeaders(error: AgentError): Record<string, string> {
  const headers: Record<string, string> = {};
  if (error.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer';
  const seconds = retryAfterSeconds(error);
  if (seconds !== undefined) headers['retry-after'] = String(seconds);
  return headers;
}

/** Whole seconds for `Retry-After`, at least 1; undefined when waiting does not help. */
export function retryAfterSeconds(error: AgentError): number | undefined {
  return error.retryAfterMs === undefined ? undefined : Math.max(1, Math.ceil(error.retryAfterMs / 1000));
}
