import { type ServiceError, status } from '@grpc/grpc-js';
import type { Any } from '../../gen/ts/google/protobuf/any.ts';
import { BadRequest, ErrorInfo, RetryInfo } from '../../gen/ts/google/rpc/error_details.ts';
import { Status } from '../../gen/ts/google/rpc/status.ts';
import { Apply } from '../../gen/ts/sboxagent/v1/process_config.ts';
import { catalogue } from '../kernel/catalogue.ts';
import { formatDuration } from '../kernel/duration.ts';
import { EXIT, Failure } from './failure.ts';

export const notReached =
  'Start it with `sboxagent serve`. One that runs is found as it was started: by the same --config or --state-dir (SBOXAGENT_CONFIG, ' +
  'SBOXAGENT_AGENT_STATE_DIR), or by --target host:port, unix:PATH or https://….';

interface Details {
  message?: string;
  info?: ErrorInfo;
  violations: string[];
  /** What an apply says of itself: the engine's own words, and the steps that did not hold. */
  lines: string[];
  retryAfterMs?: number;
}

/** Where the trailer of a gRPC error carries its google.rpc.Status. */
function readDetails(error: ServiceError): Details {
  const details: Details = { violations: [], lines: [] };
  const [trailer] = error.metadata?.get('grpc-status-details-bin') ?? [];
  if (!Buffer.isBuffer(trailer)) return details;
  try {
    const { message, details: all } = Status.decode(trailer);
    details.message = message;
    for (const detail of all) take(detail, details);
  } catch {
    // Details that cannot be read leave the code and the message, which are enough to go on with.
  }
  return details;
}

function take(detail: Any, details: Details): void {
  switch (detail.type_url.slice(detail.type_url.lastIndexOf('/') + 1)) {
    case 'google.rpc.ErrorInfo':
      details.info = ErrorInfo.decode(detail.value);
      break;
    case 'google.rpc.BadRequest':
      for (const { field, description } of BadRequest.decode(detail.value).field_violations)
        details.violations.push(`${field}: ${description}`);
      break;
    case 'sboxagent.v1.Apply': {
      details.lines.push(...applyLines(Apply.decode(detail.value)));
      break;
    }
    case 'google.rpc.RetryInfo': {
      const delay = RetryInfo.decode(detail.value).retry_delay;
      if (delay !== undefined) details.retryAfterMs = Number(delay.seconds) * 1000 + Math.ceil(delay.nanos / 1e6);
      break;
    }
    default:
  }
}

/** Whether a line says no more than the message does: the engine's own sentence stands in both, with and without its log's head. */
function isSaid(line: string, message: string): boolean {
  const words = line.replace(/^(?:\S+\[\d+\] |step \w+: )/, '');
  return words.length > 20 && message.includes(words);
}

/** What an apply that did not go through says: the engine's own lines, the steps that failed, and what runs. */
export function applyLines({ engine_output, steps, running_revision }: Apply): readonly string[] {
  const failed = steps.filter(({ status: step }) => step === 'FAILED').map(({ name, message }) => `step ${name}: ${message}`);
  return [...engine_output, ...failed, `running: ${running_revision === 0 ? 'none' : `revision ${running_revision}`}`];
}

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

/** Whether an answer came at all: what the agent itself says carries an ErrorInfo; without one these codes are the client's own. */
function unreachable(code: status, details: Details): boolean {
  return details.info === undefined && (code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED);
}

/** What ends a stream and not its cause: the agent stops, the connection breaks, the reader was too slow. */
const passing: ReadonlySet<status> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.ABORTED,
  status.INTERNAL,
  status.UNKNOWN,
  status.RESOURCE_EXHAUSTED,
]);

function remedyOf(reason: string | undefined): string | undefined {
  const entry = Object.entries(catalogue).find(([name]) => name === reason);
  return entry?.[1].remedy;
}

/** What a failed call means for the person who made it. `where` names the agent that was called. */
export function failureOf(error: unknown, where: string): Failure {
  if (error instanceof Failure) return error;
  if (!isServiceError(error)) throw error;
  const details = readDetails(error);
  if (unreachable(error.code, details)) {
    const slow = isSlow(error);
    return new Failure(EXIT.unreachable, slow ? `${where} took longer than the time it was given` : unreachableWords(error, where), {
      reason: status[error.code],
      remedy: slow ? 'Give it more time with --timeout.' : notReached,
      passing: true,
    });
  }
  const { retryAfterMs, info, violations, lines } = details;
  // The header's text comes half decoded out of grpc-js (decodeURI leaves %3A and its like), so the one in the details goes first.
  const message = details.message || error.details.replace(/%(?:2[3-6bcf]|3[abdf]|40)/gi, decodeURIComponent) || 'refused';
  const remedy = remedyOf(info?.reason) ?? (error.code === status.UNAUTHENTICATED ? catalogue.TOKEN_MISSING.remedy : undefined);
  return new Failure(EXIT.refused, message, {
    reason: info?.reason ?? status[error.code],
    details: [...violations, ...lines.filter((line) => !isSaid(line, message))],
    passing: passing.has(error.code),
    remedy: remedy === undefined ? undefined : withDelay(remedy, retryAfterMs),
    retryAfterMs,
  });
}

/** grpc-js names the peer once it has one: then it is there, and slow. */
function isSlow({ code, details }: ServiceError): boolean {
  return code === status.DEADLINE_EXCEEDED && details.includes('remote_addr=');
}

function unreachableWords({ code, details }: ServiceError, where: string): string {
  if (code !== status.DEADLINE_EXCEEDED) return `no agent answers at ${where}: ${lastWords(details)}`;
  // grpc-js names the peer once it has one: then it is there, and slow.
  return details.includes('remote_addr=')
    ? `${where} took longer than --timeout allows`
    : `no agent answers at ${where}: no answer in time`;
}

/** grpc-js says the cause last: `No connection established. Last error: connect ECONNREFUSED …`. */
function lastWords(details: string): string {
  const at = details.lastIndexOf('Last error: ');
  const words = (at < 0 ? details : details.slice(at + 'Last error: '.length)).replace(/^Error: /, '').replace(/\. Resolution note: $/, '');
  return words === '' || words === 'null' ? 'no connection' : words;
}

function withDelay(remedy: string, retryAfterMs: number | undefined): string {
  return retryAfterMs === undefined ? remedy : `${remedy} (Call again in ${formatDuration(Math.max(1, retryAfterMs))}.)`;
}
