/** Streams from the client: our gRPC reads them as Connect's handlers do, and ends them with the same word. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import {
  EventService,
  type PublishEventsRequest,
  PublishEventsRequestSchema,
  type PublishEventsResponseSchema,
} from '../../gen/es/sboxagent/v1/event_service_pb.js';
import { serveMethods } from '../../src/api/dispatch/dispatch.ts';
import type { Mounted, ServedMethod } from '../../src/api/seam.ts';
import { AgentError } from '../../src/kernel/errors.ts';
import { ask, envelope, maxBytes, read } from '../helpers/two-grpcs.ts';

/** Says of each batch what it was; refuses the stream at a batch of the number 13, and ends it at 99. */
async function* publishEvents(
  requests: AsyncIterable<PublishEventsRequest>,
  _context: HandlerContext,
): AsyncGenerator<MessageInitShape<typeof PublishEventsResponseSchema>> {
  for await (const { batchId, events } of requests) {
    if (batchId === 13n) throw new AgentError('EVENT_NOT_FOUND', 'thirteen');
    if (batchId === 99n) return;
    yield { batchId, receipts: events.map(({ id, type, data }) => ({ id: `${id} ${type} ${JSON.stringify(data)}`, revision: 1n })) };
  }
}

const mounted = { service: EventService, implementation: { publishEvents } } as unknown as Mounted;
const method = serveMethods([mounted], { validate: () => {}, memory: undefined }).find(
  ({ desc }) => desc.name === 'PublishEvents',
) as ServedMethod;

const batch = (batchId: bigint, events: MessageInitShape<typeof PublishEventsRequestSchema>['events'] = []): Buffer =>
  envelope(toBinary(PublishEventsRequestSchema, create(PublishEventsRequestSchema, { batchId, events })));
const good = batch(1n, [{ id: 'a', type: 'a.b', data: { deep: [{ x: 1 }], 7: 'seven' } }, { type: 'é' }]);

describe('a stream of messages from the client', () => {
  const streams: Readonly<Record<string, readonly [Buffer, string]>> = {
    'nothing at all': [Buffer.alloc(0), '0'],
    'one message': [good, '0'],
    'many messages': [Buffer.concat([good, batch(2n), good, batch(-3n, [{ type: 'x', revision: 9n }])]), '0'],
    'a stream that is refused in the middle': [Buffer.concat([good, batch(13n), good]), '5'],
    'a stream that the service ends': [Buffer.concat([good, batch(99n), good]), '0'],
    'half an envelope': [Buffer.concat([good, good.subarray(0, 3)]), '3'],
    'half a message': [Buffer.concat([good, good.subarray(0, -2)]), '3'],
    'a message that is none': [Buffer.concat([good, envelope(new Uint8Array([255, 255, 255]))]), '3'],
  };
  for (const [name, [body, code]] of Object.entries(streams)) {
    it(`${name}: the same answers, and the same end`, async () => {
      const [ours, theirs] = [read(await ask('ours', method, body)), read(await ask('connect', method, body))];
      assert.deepEqual([ours.status, ours.code, ours.body], [theirs.status, theirs.code, theirs.body]);
      assert.equal(ours.code, code);
    });
  }

  it('a message that is too large ends it with the same word, after the answers to those before it', async () => {
    const body = Buffer.concat([good, envelope(new Uint8Array(maxBytes + 1))]);
    const [ours, theirs] = [read(await ask('ours', method, body)), read(await ask('connect', method, body))];
    assert.deepEqual([ours.code, theirs.code], ['8', '8']);
    assert.equal(ours.body, read(await ask('ours', method, good)).body);
  });

  it('is read however it was cut into parts', async () => {
    const whole = Buffer.concat([good, batch(2n), good]);
    const expected = read(await ask('ours', method, whole)).body;
    for (const size of [1, 2, 5, 7, 64]) {
      const parts = Array.from({ length: Math.ceil(whole.length / size) }, (_, i) => whole.subarray(i * size, (i + 1) * size));
      assert.equal(read(await ask('ours', method, parts)).body, expected, `parts of ${size}`);
    }
  });
});
