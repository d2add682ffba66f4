import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { it } from 'node:test';
import { dropBody } from '../../../../src/api/transports/body.ts';
import type { Exchange } from '../../../../src/api/transports/exchange.ts';

it('a body that is dropped is read to its end, however long the agent was held up meanwhile', async () => {
  const body = new PassThrough();
  const exchange = { body, arrived: () => body.readableEnded } as unknown as Exchange;
  const dropped = dropBody(exchange);
  setImmediate(() => {
    const until = performance.now() + 1500;
    while (performance.now() < until);
    // What arrived meanwhile is read only after the timers had their turn.
    setImmediate(() => body.end(Buffer.alloc(4096)));
  });
  await dropped;
  assert.deepEqual([body.readableEnded, body.readableLength], [true, 0]);
});
