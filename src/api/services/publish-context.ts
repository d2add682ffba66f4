import type { HandlerContext } from '@connectrpc/connect';
import type { PublishContext } from '../../events/types.ts';
import { callOf } from '../calls.ts';
import type { EventLimits } from '../convert/event.ts';

export function publishContext(context: HandlerContext, { maxDepth }: EventLimits): PublishContext {
  const { principal, span } = callOf(context);
  return { source: principal.name, publisher: principal, traceId: span.traceId, spanId: span.spanId, maxDepth };
}
