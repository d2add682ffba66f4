import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preferred } from '../../../../src/api/transports/weights.ts';

test('what weighs most is answered, and of equals what is named first', () => {
  const types = new Map([
    ['text/event-stream', 'events'],
    ['application/x-ndjson', 'lines'],
  ]);
  const table: readonly (readonly [accept: string | undefined, wanted: string | undefined])[] = [
    [undefined, undefined],
    ['', undefined],
    ['*/*', undefined],
    ['text/html, constructor', undefined],
    ['text/event-stream', 'events'],
    ['APPLICATION/X-NDJSON; charset=utf-8', 'lines'],
    ['application/x-ndjson, text/event-stream', 'lines'],
    ['application/x-ndjson;q=0.1, text/event-stream', 'events'],
    ['text/event-stream;q=0, application/x-ndjson;q=0.1', 'lines'],
    ['text/event-stream;q=0', undefined],
    ['text/event-stream;q=nonsense, application/x-ndjson;q=0.001', 'lines'],
  ];
  for (const [accept, wanted] of table) assert.equal(preferred(accept, types), wanted, accept);
});
