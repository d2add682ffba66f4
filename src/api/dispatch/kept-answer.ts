/** Answers to requests with a request_id as the bytes that are kept: a message, or a refusal that is the outcome of work that was done. */
import { AgentError } from '../../kernel/errors.ts';
import { fromUnknown } from '../errors/known.ts';

/** No message begins with it: 0 is no tag of protobuf. */
const refusalByte = 0;

/** What went wrong with the agent, or while it was busy, says nothing of the request: it is tried anew. */
const passing: ReadonlySet<string> = new Set(['internal', 'unavailable', 'resource_exhausted', 'deadline_exceeded', 'canceled']);

/**
 * The refusal as bytes, where it is an outcome to be kept: it carries the record of what was done (an apply that was refused or rolled
 * back). Undefined for all other errors, which are judged anew.
 */
export function encodeRefusal(thrown: unknown): Uint8Array | undefined {
  const error = fromUnknown(thrown);
  if (error.detail === undefined || passing.has(error.code)) return undefined;
  const { reason, message, metadata, violations, retryAfterMs, detail } = error;
  const text = JSON.stringify({ reason, message, metadata, violations, retryAfterMs, detail });
  return Buffer.concat([Buffer.of(refusalByte), Buffer.from(text)]);
}

/** The refusal that was kept; undefined where the bytes are those of an answer. */
export function decodeRefusal(bytes: Uint8Array): AgentError | undefined {
  if (bytes[0] !== refusalByte) return undefined;
  const kept = JSON.parse(Buffer.from(bytes).toString('utf8', 1)) as AgentError;
  return new AgentError(kept.reason, kept.message, kept);
}
