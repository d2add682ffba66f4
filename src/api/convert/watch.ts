/**
 * Messages of WatchEvents, encoded once for all watchers. A batch that the journal hands to many watchers is one array:
 * its message is made once, and inside it the events stand as bytes already (`$unknown` is written as it is). For JSON
 * codecs the message is a plain one, whose REST text is put together from the events' own texts.
 */
import { create } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type WatchEventsResponse, WatchEventsResponseSchema } from '../../../gen/es/sboxagent/v1/event_service_pb.js';
import type { StoredEvent, WatchItem } from '../../events/types.ts';
import { eventBytes, eventMessage, eventText } from './event.ts';
import { shareText } from './json.ts';

type Batch = WatchItem & { kind: 'events' };
type Cache = WeakMap<readonly StoredEvent[], WatchEventsResponse>;

const eventsField = 1;
const binaryBatches: Cache = new WeakMap();
const jsonBatches: Cache = new WeakMap();

function binaryBatch(item: Batch): WatchEventsResponse {
  const message = create(WatchEventsResponseSchema, { revision: BigInt(item.revision) });
  const writer = new BinaryWriter();
  for (const [index, event] of item.events.entries()) {
    // The first tag is written by the encoder itself.
    if (index > 0) writer.tag(eventsField, WireType.LengthDelimited);
    writer.bytes(eventBytes(event));
  }
  if (item.events.length > 0) message.$unknown = [{ no: eventsField, wireType: WireType.LengthDelimited, data: writer.finish() }];
  return message;
}

function jsonBatch(item: Batch): WatchEventsResponse {
  const message = create(WatchEventsResponseSchema, { events: item.events.map(eventMessage), revision: BigInt(item.revision) });
  shareText(message, () => `{"events":[${item.events.map(eventText).join(',')}],"revision":"${item.revision}"}`);
  return message;
}

function batch(item: Batch, json: boolean): WatchEventsResponse {
  const cache = json ? jsonBatches : binaryBatches;
  const known = cache.get(item.events);
  // The same events may be handed out under a later revision, to a filter that skipped some.
  if (known?.revision === BigInt(item.revision)) return known;
  const message = json ? jsonBatch(item) : binaryBatch(item);
  cache.set(item.events, message);
  return message;
}

/** The message of one item; `json` when it leaves through a JSON codec. Shared: nobody changes it. */
export function watchMessage(item: WatchItem, json: boolean): WatchEventsResponse {
  const revision = BigInt(item.revision);
  switch (item.kind) {
    case 'events':
      return batch(item, json);
    case 'progress':
      return create(WatchEventsResponseSchema, { progress: { revision }, revision });
    case 'gap':
      return create(WatchEventsResponseSchema, {
        gap: { fromRevision: BigInt(item.fromRevision), toRevision: BigInt(item.toRevision), count: BigInt(item.count) },
        revision,
      });
  }
}
