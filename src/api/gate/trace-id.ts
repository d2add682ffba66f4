import { newTraceId } from '../../kernel/ids.ts';

/** The caller's trace id where its traceparent is valid (W3C Trace Context, level 1), else a new one. */
export function traceIdOf(traceparent: string | undefined): string {
  const match = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/.exec(traceparent ?? '');
  return match?.[1] ?? newTraceId();
}
