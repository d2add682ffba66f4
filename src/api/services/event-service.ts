/** EventService: events into the journal and out of it. */
import { createHash } from 'node:crypto';
import type { HandlerContext } from '@connectrpc/connect';
import { EventFilterSchema } from '../../../gen/es/sboxagent/v1/event_pb.js';
import {
  type CreateEventRequest,
  CreateEventRequestSchema,
  type EventService,
  type WatchEventsResponse,
} from '../../../gen/es/sboxagent/v1/event_service_pb.js';
import type { JsonObject, NewEvent, PublishContext, StoredEvent } from '../../events/types.ts';
import { AgentError, invalid } from '../../kernel/errors.ts';
import { feedMapping, mapFeed } from '../../kernel/feed.ts';
import { ulidFrom } from '../../kernel/ids.ts';
import { may } from '../../kernel/principal.ts';
import { callOf, callSignal } from '../calls.ts';
import { encodeMessage } from '../codec/binary.ts';
import type { Fields } from '../codec/fields.ts';
import { eventFilter, newEvents, receiptMessage, watchMessage } from '../convert/event.ts';
import { askedPage } from '../convert/page.ts';
import { requestHash } from '../dispatch/idempotency.ts';
import type { ServiceOf } from '../seam.ts';
import type { ServiceDeps } from './deps.ts';
import { fedStream } from './fed-stream.ts';
import { judgeBatch, needsRules, publishBatches, publishContext } from './publish-batches.ts';

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
    ...{
      traceId: '',
      spanId: '',
      data: said.data ?? (said.dataText?.value() as JsonObject | undefined),
      attributes: said.attributes ?? {},
      redacted: [],
    },
  };
}

type Deps = Pick<ServiceDeps, 'journal' | 'validate' | 'api'>;

export function eventService({ journal, validate, api }: Deps): ServiceOf<typeof EventService> {
  const contextOf = (context: HandlerContext): PublishContext => publishContext(context, api().limits.jsonDepth);
  return {
    async createEvent(request, context) {
      const { event } = request;
      if (event === undefined || needsRules([event]) || request.requestId.length > longestRequestId)
        validate(CreateEventRequestSchema, request);
      if (event === undefined) throw invalid([{ field: 'event', message: 'is required', rule: 'required' }]);
      const [fresh] = newEvents([event]);
      if (fresh === undefined) throw new AgentError('INTERNAL', 'an event was lost on its way to the journal');
      const named = fresh.id === '' && request.requestId !== '' ? { ...fresh, id: derivedId(request, context) } : fresh;
      const [receipt] = await journal.publish([named], contextOf(context)).catch((error: unknown) => {
        inWordsOfRules(error, () => validate(CreateEventRequestSchema, request));
        return renameField(error);
      });
      if (receipt === undefined) throw new AgentError('INTERNAL', 'the journal gave no receipt');
      if (!receipt.duplicate) return receipt.event;
      callOf(context).rest.status = 200;
      return may(callOf(context).principal, 'read') ? receipt.event : asPublished(named, receipt.event);
    },

    async batchCreateEvents(request, context) {
      const { events } = request;
      if (needsRules(events)) judgeBatch(events, validate);
      const receipts = await journal.publish(newEvents(events), contextOf(context)).catch((error: unknown) => {
        inWordsOfRules(error, () => judgeBatch(events, validate));
        throw error;
      });
      return { receipts: receipts.map(receiptMessage) };
    },

    publishEvents: (requests, context) => publishBatches(requests, context, { journal, validate, publisher: contextOf(context) }),

    getEvent: ({ id, source }) => journal.get(id, source || undefined),

    async listEvents(request, context) {
      const order = request.orderBy === 'revision' || request.orderBy === 'revision asc' ? 'asc' : 'desc';
      const said = [encodeMessage(EventFilterSchema, request.filter ?? {}), order];
      const asked = askedPage(request, { list: 'events', said, cursor: 'number' });
      const filter = eventFilter(request.filter);
      const signal = callSignal(context);
      const { events, nextCursor } = await journal.list({ filter, order, pageSize: asked.size, cursor: asked.after, signal });
      return { events, nextPageToken: asked.token(nextCursor) };
    },

    watchEvents({ afterRevision, filter: asked }, context) {
      const after = afterRevision === undefined ? undefined : Number(afterRevision);
      const feed = journal.feed({ filter: eventFilter(asked), afterRevision: after, progressEveryMs: api().streams.pingIntervalMs });
      return fedStream(mapFeed(feed, messages), context, whereToResume);
    },
  };
}

const messages = feedMapping(watchMessage);

/** The last word of an agent that stops. */
const whereToResume = ({ revision = 0 }: Fields<WatchEventsResponse>) => watchMessage({ kind: 'progress', revision: Number(revision) });

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
