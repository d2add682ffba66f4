import { traceIdOfText } from '../../kernel/trace-id.ts';

export interface Trace {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits, from a traceparent. */
  readonly spanId?: string;
  /** As it was written, where that is another form. */
  readonly original?: string;
}

const traceparent = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$/;

/** W3C trace context. */
export function ofTraceparent(value: unknown): Trace | undefined {
  const found = typeof value === 'string' ? traceparent.exec(value.trim().toLowerCase()) : null;
  const [, traceId = '', spanId = ''] = found ?? [];
  return /[1-9a-f]/.test(traceId) && /[1-9a-f]/.test(spanId) ? { traceId, spanId } : undefined;
}

/** 32 hex digits, a UUID, or the 8 digits that sboxmgr logs. */
export function ofTraceId(value: unknown): Trace | undefined {
  if (typeof value !== 'string') return undefined;
  const original = value.trim();
  const traceId = traceIdOfText(original);
  if (traceId === undefined) return undefined;
  return traceId === original ? { traceId } : { traceId, original };
}
