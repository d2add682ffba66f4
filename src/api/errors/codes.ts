/** The codes of errors: gRPC's numbers, HTTP's statuses, and the headers that go with them. */
import { Code } from '@connectrpc/connect';
import { codeFromString, codeToHttpStatus } from '@connectrpc/connect/protocol-connect';
import { type CatalogueEntry, catalogue, type ErrorCode } from '../../kernel/catalogue.ts';
import type { AgentError } from '../../kernel/errors.ts';

/** Number of a canonical code, as gRPC has it. */
export function grpcCode(code: ErrorCode): Code {
  return codeFromString(code) ?? Code.Unknown;
}

/** HTTP status of REST: Connect's of the code, unless the catalogue has another one for the reason. */
export function httpStatusOf(error: AgentError): number {
  const entry: CatalogueEntry = catalogue[error.reason];
  return entry.http ?? codeToHttpStatus(grpcCode(error.code));
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
