import { create } from '@bufbuild/protobuf';
import { type WatchEventsResponse, WatchEventsResponseSchema } from '../../../gen/es/sboxagent/v1/event_service_pb.js';
import type { WatchItem } from '../../events/types.ts';
import { eventMessage } from './event.ts';

/** The message of one item of a watch. */
export function watchMessage(item: WatchItem): WatchEventsResponse {
  const revision = BigInt(item.revision);
  switch (item.kind) {
    case 'events':
      return create(WatchEventsResponseSchema, { events: item.events.map(eventMessage), revision });
    case 'progress':
      return create(WatchEventsResponseSchema, { progress: { revision }, revision });
    case 'gap':
      return create(WatchEventsResponseSchema, {
        gap: { fromRevision: BigInt(item.fromRevision), toRevision: BigInt(item.toRevision), count: BigInt(item.count) },
        revision,
      });
  }
}
