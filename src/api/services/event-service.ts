/** EventService: events into the journal and out of it. */
import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { type EventFilter, EventFilterSchema } from '../../../gen/es/sboxagent/v1/event_pb.js';
import {
  BatchCreateEventsRequestSchema,
  type CreateEventRequest,
  CreateEventRequestSchema,
  type EventService,
  type WatchEventsResponse,
  WatchEventsResponseSchema,
} from '../../../gen/es/sboxagent/v1/event_service_pb.js';
import type { Journal, NewEvent, StoredEvent } from '../../events/types.ts';
import { AgentError, invalid } from '../../kernel/errors.ts';
import { feedMapping, mapFeed } from '../../kernel/feed.ts';
import { ulidFrom } from '../../kernel/ids.ts';
import { may } from '../../kernel/principal.ts';
import { callOf, callSignal } from '../calls.ts';
import { type EventLimits, eventFilter, eventMessage, newEvents, receiptMessage } from '../convert/event.ts';
import { pageBinding, pageSize, pageToken, readPageToken } from '../convert/page.ts';
import { watchMessage } from '../convert/watch.ts';
import { requestHash } from '../dispatch/idempotency.ts';
import type { Validate } from '../dispatch/validation.ts';
import { fedStream } from './fed-stream.ts';
import { needsRules, publishBatches } from './publish-batches.ts';
import { publishContext } from './publish-context.ts';

export interface EventServiceDeps {
  readonly journal: Journal;
  readonly validate: Validate;
  readonly limits: () => EventLimits;
  /** Longest silence of a watch. */
  readonly pingIntervalMs: () => number;
}

/**
 * The id of an event that came with a request_id but none of its own: always the same for the same request, so that a
 * crash between the journal's commit and the memory of requests cannot store it twice.
 */
function derivedId(request: CreateEventRequest, context: HandlerContext): string {
  const seed = `${callOf(context).principal.id}\0${request.requestId}\0${requestHash(context.method.input, request)}`;
  return ulidFrom(createHash('sha256').update(seed).digest());
}

/** The answer to an event that was stored before, for who may not read: the revision, and else what the caller said itself. */
function asPublished(said: NewEvent, stored: StoredEvent): StoredEvent {
  const { id, source, revision, ingestTime } = stored;
  return {
    ...{ id, source, revision, ingestTime, type: said.type, subject: said.subject ?? '', time: said.time ?? ingestTime },
    ...{ severity: said.severity ?? 'INFO', priority: said.priority ?? 50, correlationId: said.correlationId ?? '' },
    ...{ traceId: '', spanId: '', data: said.data, attributes: said.attributes ?? {}, redacted: [] },
  };
}

function listBinding(filter: EventFilter | undefined, order: string): string {
  return pageBinding('events', toBinary(EventFilterSchema, filter ?? create(EventFilterSchema)), order);
}

export function eventService({ journal, validate, limits, pingIntervalMs }: EventServiceDeps): ServiceImpl<typeof EventService> {
  return {
    async createEvent(request, context) {
      const { event } = request;
      if (event === undefined || needsRules([event]) || request.requestId.length > longestRequestId)
        validate(CreateEventRequestSchema, request);
      if (event === undefined) throw invalid([{ field: 'event', message: 'is required', rule: 'required' }]);
      const [fresh] = newEvents([event]);
      if (fresh === undefined) throw new AgentError('INTERNAL', 'an event was lost on its way to the journal');
      const named = fresh.id === undefined && request.requestId !== '' ? { ...fresh, id: derivedId(request, context) } : fresh;
      const [receipt] = await journal.publish([named], publishContext(context, limits())).catch((error: unknown) => {
        inWordsOfRules(error, () => validate(CreateEventRequestSchema, request));
        return renameField(error);
      });
      if (receipt === undefined) throw new AgentError('INTERNAL', 'the journal gave no receipt');
      if (!receipt.duplicate) return eventMessage(receipt.event);
      callOf(context).rest.status = 200;
      return eventMessage(may(callOf(context).principal, 'read') ? receipt.event : asPublished(named, receipt.event));
    },

    async batchCreateEvents(request, context) {
      const { events } = request;
      if (needsRules(events)) validate(BatchCreateEventsRequestSchema, request);
      const receipts = await journal.publish(newEvents(events), publishContext(context, limits())).catch((error: unknown) => {
        inWordsOfRules(error, () => validate(BatchCreateEventsRequestSchema, request));
        throw error;
      });
      return { receipts: receipts.map(receiptMessage) };
    },

    publishEvents: (requests, context) => publishBatches(requests, context, { journal, validate, limits }),

    getEvent: async ({ id, source }) => eventMessage(await (source === '' ? journal.get(id) : journal.get(id, source))),

    async listEvents(request, context) {
      const order = request.orderBy === 'revision' || request.orderBy === 'revision asc' ? 'asc' : 'desc';
      const binding = listBinding(request.filter, order);
      const cursor = readPageToken(request.pageToken, binding, 'number');
      const filter = eventFilter(request.filter);
      const { events, nextCursor } = await journal.list({
        order,
        pageSize: pageSize(request.pageSize),
        signal: callSignal(context),
        ...(filter !== undefined && { filter }),
        ...(cursor !== undefined && { cursor }),
      });
      return { events: events.map(eventMessage), nextPageToken: pageToken(binding, nextCursor) };
    },

    watchEvents({ afterRevision, filter: asked }, context) {
      const filter = eventFilter(asked);
      const feed = journal.feed({
        progressEveryMs: pingIntervalMs(),
        ...(afterRevision !== undefined && { afterRevision: Number(afterRevision) }),
        ...(filter !== undefined && { filter }),
      });
      return fedStream(mapFeed(feed, messages), context, whereToResume);
    },
  };
}

const messages = feedMapping(watchMessage);

/** The last word of an agent that stops. */
const whereToResume = ({ revision }: WatchEventsResponse): WatchEventsResponse =>
  create(WatchEventsResponseSchema, { progress: { revision }, revision });

/** By the rules of its proto, of which the journal sees nothing. */
const longestRequestId = 128;

/** What the journal refused is told in the words of the proto's rules, where one of them is broken: they are what callers read. */
function inWordsOfRules(error: unknown, judge: () => void): void {
  if (error instanceof AgentError && error.violations.length > 0) judge();
}

/** The journal speaks of `events[0]`, the caller of CreateEvent of `event`. */
function renameField(error: unknown): never {
  if (!(error instanceof AgentError) || error.violations.length === 0) throw error;
  throw invalid(error.violations.map((violation) => ({ ...violation, field: violation.field.replace(/^events\[0\]/, 'event') })));
}
