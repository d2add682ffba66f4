/**
 * How an error goes over the wire, in one place for all protocols: AgentError -> google.rpc.Status (gRPC), ConnectError
 * (Connect's handlers), JSON (REST). What is no AgentError goes out as INTERNAL with a neutral message; the cause stays here.
 */
import { create, type DescMessage, type MessageInitShape, toJson } from '@bufbuild/protobuf';
import { anyPack, durationFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../gen/es/google/rpc/error_details_pb.js';
import { type Status, StatusSchema } from '../../gen/es/google/rpc/status_pb.js';
import { type Apply, ApplySchema } from '../../gen/es/sboxagent/v1/process_config_pb.js';
import { type CatalogueEntry, catalogue, type ErrorCode, type ErrorReason } from '../kernel/catalogue.ts';
import { AgentError, type ErrorDetail } from '../kernel/errors.ts';
import type { ApplyRecord } from '../processes/index.ts';
import { applyMessage } from './convert/process-config.ts';

export const errorDomain = 'sboxagent';
const internalMessage = 'internal error; the log of the agent has the cause under the trace id';

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

/** The reason of an error that names only a code: what Connect itself found wrong. */
const reasonsByCode: Readonly<Partial<Record<Code, ErrorReason>>> = {
  [Code.Canceled]: 'CANCELED',
  [Code.DeadlineExceeded]: 'DEADLINE_EXCEEDED',
  [Code.ResourceExhausted]: 'MESSAGE_TOO_LARGE',
  [Code.InvalidArgument]: 'MALFORMED_BODY',
  [Code.Unimplemented]: 'RPC_UNIMPLEMENTED',
  [Code.Unavailable]: 'SHUTTING_DOWN',
  [Code.Unauthenticated]: 'TOKEN_INVALID',
  [Code.PermissionDenied]: 'SCOPE_MISSING',
  [Code.NotFound]: 'ROUTE_NOT_FOUND',
};

/** What fits beside everything else into the 8 KiB of trailers that clients of gRPC take. */
export const maxMessageBytes = 1024;
const maxDetailsBytes = 3 * 1024;

/** `text` in at most `max` bytes of UTF-8, and how many characters were left out, if any. */
export function cutText(text: string, max: number): string {
  if (Buffer.byteLength(text) <= max) return text;
  const kept = Buffer.from(text)
    .subarray(0, max - 40)
    .toString('utf8')
    .replace(/\ufffd+$/, '');
  return `${kept} … (${text.length - kept.length} more characters)`;
}

/** The first of `items` that fit into `budget` bytes of JSON. */
function fitting<T>(items: readonly T[], budget: number): readonly T[] {
  let size = 0;
  const end = items.findIndex((item) => {
    size += Buffer.byteLength(JSON.stringify(item));
    return size > budget;
  });
  return end < 0 ? items : items.slice(0, end);
}

/**
 * The error as every protocol says it: message up to 1 KiB and details up to 4 KiB, with a count of what was left out. The whole of it
 * stays in our log.
 */
function bounded(error: AgentError): AgentError {
  const { message, violations, retryAfterMs, reason } = error;
  const metadata = Object.fromEntries(Object.entries(error.metadata).map(([key, value]) => [key, cutText(value, maxMessageBytes)]));
  const facts = fitting(Object.entries(metadata), maxDetailsBytes);
  const told = violations.map((violation) => ({
    ...violation,
    field: cutText(violation.field, 200),
    message: cutText(violation.message, 400),
  }));
  // An Apply beside it has the violations too.
  const room = maxDetailsBytes - (error.detail === undefined ? 0 : maxApplyViolationsBytes);
  const faults = fitting(told, room - Buffer.byteLength(JSON.stringify(facts)));
  const left = {
    ...(faults.length < violations.length && { violations_left_out: String(violations.length - faults.length) }),
    ...(facts.length < Object.keys(metadata).length && { metadata_left_out: String(Object.keys(metadata).length - facts.length) }),
  };
  return new AgentError(reason, cutText(message, maxMessageBytes), {
    metadata: { ...Object.fromEntries(facts), ...left },
    violations: faults,
    retryAfterMs,
    detail: error.detail,
    cause: error.cause,
  });
}

/** What the engine said, and why a step did not hold, in as much as fits beside the rest; GetApply has the whole. */
const maxThingBytes = 1600;
const maxApplyViolationsBytes = 1300;

/** What the error is about, short, without its diff. */
function thingOf({ record }: ErrorDetail): Apply {
  const whole = record as ApplyRecord;
  const steps = whole.steps.map((step) => ({ ...step, message: step.status === 'FAILED' ? cutText(step.message, 200) : '' }));
  const engineOutput = fitting(
    whole.engineOutput.map((line) => cutText(line, 600)),
    maxThingBytes - Buffer.byteLength(JSON.stringify(steps.map(({ message }) => message))),
  );
  const violations = fitting(
    whole.violations.map((one) => ({ ...one, path: cutText(one.path, 200), message: cutText(one.message, 400) })),
    maxApplyViolationsBytes,
  );
  return applyMessage({ ...whole, steps, engineOutput, violations, diff: '' });
}

type Detail = { readonly desc: DescMessage; readonly value: MessageInitShape<DescMessage> };

function detail<D extends DescMessage>(desc: D, value: MessageInitShape<D>): Detail {
  return { desc, value: value as MessageInitShape<DescMessage> };
}

function details(whole: AgentError): Detail[] {
  const error = bounded(whole);
  const list = [detail(ErrorInfoSchema, { reason: error.reason, domain: errorDomain, metadata: { ...error.metadata } })];
  if (error.violations.length > 0) {
    const fieldViolations = error.violations.map((v) => ({ field: v.field, description: v.message, reason: v.rule ?? '' }));
    list.push(detail(BadRequestSchema, { fieldViolations }));
  }
  if (error.retryAfterMs !== undefined) list.push(detail(RetryInfoSchema, { retryDelay: durationFromMs(Math.ceil(error.retryAfterMs)) }));
  if (error.detail !== undefined) list.push(detail(ApplySchema, thingOf(error.detail)));
  return list;
}

function fromConnect(error: ConnectError): AgentError {
  const message = error.rawMessage;
  // Connect calls a body that is no protobuf `internal`: it is the caller's.
  if (message.startsWith('parse binary')) return new AgentError('MALFORMED_BODY', message, { cause: error });
  const reason = reasonsByCode[error.code];
  return reason === undefined
    ? new AgentError('INTERNAL', internalMessage, { cause: error })
    : new AgentError(reason, message, { cause: error });
}

/** Any thrown value as an AgentError; what is unknown becomes INTERNAL with a neutral message and the value as its cause. */
export function fromUnknown(error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  if (error instanceof ConnectError) return error.cause instanceof AgentError ? error.cause : fromConnect(error);
  if (error instanceof Error && error.name === 'TimeoutError')
    return new AgentError('DEADLINE_EXCEEDED', 'the call took too long', { cause: error });
  if (error instanceof Error && error.name === 'AbortError') return new AgentError('CANCELED', 'the call was ended', { cause: error });
  return new AgentError('INTERNAL', internalMessage, { cause: error });
}

/** For gRPC: code, message and details; `grpc-status-details-bin` is its binary form. */
export function toStatus(error: AgentError): Status {
  return create(StatusSchema, {
    code: grpcCodes[error.code],
    message: cutText(error.message, maxMessageBytes),
    details: details(error).map((d) => anyPack(d.desc, create(d.desc, d.value))),
  });
}

/** For Connect's handlers. The AgentError is its `cause`; a ConnectError with ErrorInfo passes as it is. */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError && !(error.cause instanceof AgentError) && error.findDetails(ErrorInfoSchema).length > 0) return error;
  if (error instanceof ConnectError && error.cause instanceof AgentError && error.details.length > 0) return error;
  const agentError = fromUnknown(error);
  const seconds = retryAfterSeconds(agentError);
  const metadata = new Headers(error instanceof ConnectError ? error.metadata : undefined);
  if (seconds !== undefined) metadata.set('retry-after', String(seconds));
  return new ConnectError(
    cutText(agentError.message, maxMessageBytes),
    grpcCodes[agentError.code],
    metadata,
    details(agentError),
    agentError,
  );
}

/** HTTP status of REST. */
export function httpStatusOf(error: AgentError): number {
  const entry: CatalogueEntry = catalogue[error.reason];
  return entry.http ?? httpStatuses[error.code];
}

/** HTTP status of Connect's unary answers: its own table, which knows no exceptions. */
export function connectHttpStatusOf(error: AgentError): number {
  return httpStatuses[error.code];
}

export interface RestErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: readonly Readonly<Record<string, unknown>>[];
}

/** REST's body; also the `error` of a stream's last frame. */
export function toRestBody(whole: AgentError): RestErrorBody {
  const error = bounded(whole);
  const type = (desc: DescMessage): string => `type.googleapis.com/${desc.typeName}`;
  const list: Record<string, unknown>[] = [
    { '@type': type(ErrorInfoSchema), reason: error.reason, domain: errorDomain, metadata: error.metadata },
  ];
  if (error.violations.length > 0) {
    const violations = error.violations.map((v) => ({ field: v.field, description: v.message, reason: v.rule ?? '' }));
    list.push({ '@type': type(BadRequestSchema), field_violations: violations });
  }
  if (error.retryAfterMs !== undefined)
    list.push({ '@type': type(RetryInfoSchema), retry_delay: `${Math.ceil(error.retryAfterMs) / 1000}s` });
  if (error.detail !== undefined) {
    const json = toJson(ApplySchema, thingOf(error.detail), { useProtoFieldName: true, alwaysEmitImplicit: true });
    list.push({ '@type': type(ApplySchema), ...(json as object) });
  }
  return { code: error.code, message: error.message, details: list };
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
