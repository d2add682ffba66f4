import { isSpanContextValid, type Logger, ROOT_CONTEXT, SeverityNumber, TraceFlags, trace } from '@opentelemetry/api';
import type { SentLine } from './types.ts';

/** Sends a line to the collector; never waits, never throws. */
export type LogSender = (line: SentLine) => void;

const severities: Readonly<Record<SentLine['level'], SeverityNumber>> = {
  TRACE: SeverityNumber.TRACE,
  DEBUG: SeverityNumber.DEBUG,
  INFO: SeverityNumber.INFO,
  WARN: SeverityNumber.WARN,
  ERROR: SeverityNumber.ERROR,
  FATAL: SeverityNumber.FATAL,
};

/** One form for the lines of the agent, of units and of sboxmgr: the source is an attribute. */
export function logSender(logger: Logger): LogSender {
  return ({ timeMs, level, source, message, traceId, spanId, fields }) => {
    const span = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
    const known = isSpanContextValid(span);
    logger.emit({
      timestamp: timeMs,
      severityNumber: severities[level],
      severityText: level,
      body: message,
      attributes: {
        'sboxagent.source': source,
        ...(!known && traceId !== '' && { trace_id: traceId }),
        ...Object.fromEntries(
          Object.entries(fields).map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : value]),
        ),
      },
      ...(known && { context: trace.setSpanContext(ROOT_CONTEXT, span) }),
    });
  };
}
