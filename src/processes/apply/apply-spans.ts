import type { Spans } from '../../telemetry/types.ts';
import type { ApplyRecord, ApplyResult } from './types.ts';

const good: ReadonlySet<ApplyResult> = new Set(['APPLIED', 'VALID']);

/** Shows an apply that has ended in its trace, with a span for each of its steps. */
export function showApply(spans: Spans | undefined, record: ApplyRecord, beganMs: number): void {
  if (spans === undefined) return;
  const { id, processId, traceId, result, steps } = record;
  const whole = spans.start('apply', { traceId, startMs: beganMs, attributes: { process: processId, apply: id } });
  for (const { name, status, message, startTimeMs, endTimeMs } of steps) {
    if (status === 'SKIPPED') continue;
    const step = spans.start(`apply.${name}`, { traceId, parentId: whole.spanId, startMs: startTimeMs });
    step.end({ code: status === 'FAILED' ? 'FAILED_PRECONDITION' : 'OK', message, endMs: endTimeMs });
  }
  whole.end({ code: good.has(result) ? 'OK' : 'FAILED_PRECONDITION', attributes: { result } });
}
