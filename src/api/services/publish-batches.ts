/** PublishEvents: batches in, acknowledgements out, in order and many in flight, so that they meet in one group commit. */
import { create } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import { type Event, Event_Severity } from '../../../gen/es/sboxagent/v1/event_pb.js';
import {
  BatchCreateEventsRequestSchema,
  type PublishEventsRequest,
  type PublishEventsResponse,
} from '../../../gen/es/sboxagent/v1/event_service_pb.js';
import type { Journal, PublishContext } from '../../events/types.ts';
import { callOf, callSignal } from '../calls.ts';
import type { Fields } from '../codec/fields.ts';
import { maxBatchEvents } from '../codec/read-events.ts';
import { newEvents, receiptMessage } from '../convert/event.ts';
import type { Validate } from '../dispatch/validation.ts';
import { fromUnknown } from '../errors/known.ts';
import { toStatus } from '../errors/status.ts';
import { pipelined } from './pipeline.ts';

/** Batches of one stream in flight; further ones wait by flow control. */
const maxInFlight = 64;
/** Whether a batch may break rules of which the journal sees nothing: those of its size, and severities that the conversion knows no name of. */
export function needsRules(events: readonly Event[]): boolean {
  return events.length === 0 || events.length > maxBatchEvents || events.some(({ severity }) => Event_Severity[severity] === undefined);
}

/** Throws what the rules of BatchCreateEvents say. Of a batch that is too long they are asked about the first events alone: it is refused whatever follows. */
export function judgeBatch(events: Event[], validate: Validate): void {
  validate(BatchCreateEventsRequestSchema, create(BatchCreateEventsRequestSchema, { events: events.slice(0, maxBatchEvents + 1) }));
}

/** Who publishes by this call; `maxDepth`: levels that data may nest. */
export function publishContext(context: HandlerContext, maxDepth: number): PublishContext {
  const { principal, span } = callOf(context);
  return { source: principal.name, publisher: principal, traceId: span.traceId, spanId: span.spanId, maxDepth };
}

interface Deps {
  readonly journal: Pick<Journal, 'publish'>;
  readonly validate: Validate;
  readonly publisher: PublishContext;
}

export async function* publishBatches(
  requests: AsyncIterable<PublishEventsRequest>,
  context: HandlerContext,
  { journal, validate, publisher }: Deps,
): AsyncGenerator<Fields<PublishEventsResponse>> {
  const store = async ({ batchId, events }: PublishEventsRequest): Promise<Fields<PublishEventsResponse>> => {
    try {
      // A batch of the stream obeys the rules of BatchCreateEvents; those of each event are judged by the journal, in the walk that it makes anyway.
      if (needsRules(events)) judgeBatch(events, validate);
      const fresh = newEvents(events);
      const receipts = await journal.publish(fresh, publisher);
      return { batchId, receipts: receipts.map(receiptMessage) };
    } catch (error) {
      return { batchId, error: toStatus(fromUnknown(error)) };
    }
  };

  yield* pipelined(requests, { limit: maxInFlight, signal: callSignal(context) }, store);
}
