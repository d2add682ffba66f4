/** A bare grpc-js server that hands what is published to all who watch, encoded anew for each, as grpc-js does it; nothing is kept. */
import { Server, ServerCredentials, type ServerUnaryCall, type ServerWritableStream, type sendUnaryData } from '@grpc/grpc-js';
import type { Event } from '../../gen/ts/sboxagent/v1/event.ts';
import {
  type CreateEventRequest,
  EventServiceService,
  type WatchEventsRequest,
  WatchEventsResponse,
} from '../../gen/ts/sboxagent/v1/event_service.ts';
import { ready } from './peer.ts';

type Watch = ServerWritableStream<WatchEventsRequest, WatchEventsResponse>;

const watches = new Set<Watch>();
let last = 0;
const server = new Server();
server.addService(EventServiceService, {
  watchEvents(call: Watch) {
    watches.add(call);
    call.on('close', () => watches.delete(call));
    call.on('error', () => watches.delete(call));
    call.write(WatchEventsResponse.create({ progress: { revision: String(last) } }));
  },
  createEvent(call: ServerUnaryCall<CreateEventRequest, Event>, done: sendUnaryData<Event>) {
    const { event } = call.request;
    if (event === undefined) return;
    last += 1;
    const revision = String(last);
    const message = WatchEventsResponse.create({ events: [{ ...event, revision }], revision });
    for (const watch of watches) watch.write(message);
    done(null, { ...event, revision });
  },
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  ready(port);
});
