import type { Spans, WorkSpan } from '../telemetry/types.ts';
import type { ToldEvent } from './recorder.ts';

/** Shows each start of a unit in its trace: from `starting` to READY, or to what became of it. */
export function createStartSpans(spans: Spans | undefined, id: string): (event: ToldEvent) => void {
  let open: WorkSpan | undefined;
  const end = (code: string, message = ''): void => {
    open?.end({ code, message });
    open = undefined;
  };
  return ({ type, data, traceId }) => {
    switch (type) {
      case 'starting':
        end('CANCELLED');
        open = spans?.start('process.start', { traceId, attributes: { process: id } });
        return;
      case 'ready':
        return end('OK');
      case 'stopped':
        return end('CANCELLED', 'it was stopped before it was ready');
      case 'exited':
      case 'crash_loop':
        return end('FAILED_PRECONDITION', String(data['message'] ?? ''));
    }
  };
}
