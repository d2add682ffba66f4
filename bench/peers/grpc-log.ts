/** A grpc-js server with an append log and group commit behind CreateEvent and PublishEvents: durable, and nothing else. */
import { Server, ServerCredentials, type ServerDuplexStream, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { Event } from '../../gen/ts/sboxagent/v1/event.ts';
import {
  type CreateEventRequest,
  EventServiceService,
  type PublishEventsRequest,
  PublishEventsResponse,
} from '../../gen/ts/sboxagent/v1/event_service.ts';
import { openAppendLog } from './append-log.ts';
import { input, ready } from './peer.ts';

const log = await openAppendLog(input<{ path: string }>().path);

async function create(request: CreateEventRequest): Promise<Event> {
  const event = request.event ?? Event.create();
  const revision = await log.append([Event.encode(event).finish()]);
  return { ...event, revision: String(revision) };
}

async function publish({ batch_id, events }: PublishEventsRequest): Promise<PublishEventsResponse> {
  const first = await log.append(events.map((event) => Event.encode(event).finish()));
  const receipts = events.map(({ id }, index) => ({ id, revision: String(first + index), duplicate: false }));
  return PublishEventsResponse.create({ batch_id, receipts });
}

const server = new Server();
server.addService(EventServiceService, {
  createEvent(call: ServerUnaryCall<CreateEventRequest, Event>, done: sendUnaryData<Event>) {
    create(call.request).then((event) => done(null, event), done);
  },
  publishEvents(call: ServerDuplexStream<PublishEventsRequest, PublishEventsResponse>) {
    call.on('data', (request: PublishEventsRequest) => {
      publish(request).then(
        (response) => call.write(response),
        (error) => call.destroy(error),
      );
    });
    call.on('end', () => call.end());
    call.on('error', () => {});
  },
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  ready(port);
});
