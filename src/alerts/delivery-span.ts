import { newTraceId } from '../kernel/ids.ts';
import type { WebhookSettings } from '../settings/types.ts';
import type { Spans, WorkSpan } from '../telemetry/types.ts';
import type { Outcome } from './delivery.ts';
import type { Post } from './payload.ts';
import type { AlertView } from './types.ts';

/** Traces of one POST in which it is shown. */
const mostTraces = 16;

export interface ShownDelivery {
  /** The POST with the context of its span, so that the receiver's spans belong to it. */
  traced(post: Post): Post;
  end(outcome: Outcome): void;
}

/** Shows an attempt to deliver in the traces of its alerts; in one of its own where they have none. */
export function showDelivery(spans: Spans | undefined, { name, format }: WebhookSettings, views: readonly AlertView[]): ShownDelivery {
  const known = new Set(views.map(({ traceId }) => traceId).filter((traceId) => /^[0-9a-f]{32}$/.test(traceId)));
  const traceIds = known.size === 0 ? [newTraceId()] : [...known].slice(0, mostTraces);
  const attributes = { webhook: name, format, alerts: String(views.length) };
  const shown: readonly WorkSpan[] = traceIds.flatMap((traceId) => spans?.start('webhook.deliver', { traceId, attributes }) ?? []);
  const [first] = shown;
  return {
    traced: (post) =>
      first === undefined ? post : { ...post, headers: { ...post.headers, traceparent: `00-${first.traceId}-${first.spanId}-01` } },
    end(outcome) {
      const failed = outcome.kind === 'refused' ? 'FAILED_PRECONDITION' : 'UNAVAILABLE';
      for (const span of shown) span.end(outcome.kind === 'delivered' ? {} : { code: failed, message: outcome.message });
    },
  };
}
