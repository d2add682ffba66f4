/** An error cut to what every protocol carries. */
import { AgentError, type ErrorDetail } from '../../kernel/errors.ts';
import type { ApplyRecord } from '../../processes/index.ts';

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
export function bounded(error: AgentError): AgentError {
  const { message, violations, retryAfterMs, reason } = error;
  const metadata = Object.fromEntries(Object.entries(error.metadata).map(([key, value]) => [key, cutText(value, maxMessageBytes)]));
  const facts = fitting(Object.entries(metadata), maxDetailsBytes);
  const shortened = violations.map((violation) => ({
    ...violation,
    field: cutText(violation.field, 200),
    message: cutText(violation.message, 400),
  }));
  // An Apply beside it has the violations too.
  const room = maxDetailsBytes - (error.detail === undefined ? 0 : maxApplyViolationsBytes);
  const faults = fitting(shortened, room - Buffer.byteLength(JSON.stringify(facts)));
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
const maxApplyBytes = 1600;
const maxApplyViolationsBytes = 1300;

/** What the error is about, short, without its diff. */
export function shortApply({ record }: ErrorDetail): ApplyRecord {
  const whole = record as ApplyRecord;
  const steps = whole.steps.map((step) => ({ ...step, message: step.status === 'FAILED' ? cutText(step.message, 200) : '' }));
  const engineOutput = fitting(
    whole.engineOutput.map((line) => cutText(line, 600)),
    maxApplyBytes - Buffer.byteLength(JSON.stringify(steps.map(({ message }) => message))),
  );
  const violations = fitting(
    whole.violations.map((one) => ({ ...one, path: cutText(one.path, 200), message: cutText(one.message, 400) })),
    maxApplyViolationsBytes,
  );
  return { ...whole, steps, engineOutput, violations, diff: '' };
}
