import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileFilter, filterKey } from '../../../src/events/filter.ts';
import type { EventFilter, StoredEvent } from '../../../src/events/types.ts';

const at = (seconds: number, nanos = 0) => ({ seconds, nanos });
const event: StoredEvent = {
  revision: 7,
  id: 'e7',
  type: 'net.link.up',
  source: 'me',
  subject: 'host-1',
  severity: 'WARNING',
  priority: 50,
  time: at(100, 500),
  ingestTime: at(100),
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: '',
  correlationId: '',
  data: { note: 'A Needle-42 here', deep: [{ n: 17 }], 'key"quoted': null },
  attributes: { hidden: 'treasure' },
  redacted: [],
};

const filters: readonly [EventFilter, boolean][] = [
  [{}, true],
  [{ types: [], sources: [], text: '' }, true],
  [{ types: ['disk.*', 'net.**'] }, true],
  [{ types: ['disk.*'] }, false],
  [{ sources: ['you', 'me'] }, true],
  [{ sources: ['m'] }, false],
  [{ subjects: ['host-1'] }, true],
  [{ subjects: ['host-2'] }, false],
  [{ minSeverity: 'WARNING' }, true],
  [{ minSeverity: 'ERROR' }, false],
  [{ since: at(100, 500) }, true],
  [{ since: at(100, 501) }, false],
  [{ until: at(100, 501) }, true],
  [{ until: at(100, 500) }, false],
  [{ traceId: '0AF76519-16cd-43dd-8448-eb211c80319c' }, true],
  [{ traceId: '1'.repeat(32) }, false],
  [{ text: 'needle-42' }, true],
  [{ text: 'LINK' }, true],
  [{ text: 'HOST-1' }, true],
  [{ text: '17' }, true],
  [{ text: 'y"q' }, true],
  [{ text: 'treasure' }, false],
  [{ types: ['net.**'], sources: ['me'], text: 'gone' }, false],
];

test('fields are ANDed, values ORed, text is found in type, source, subject and data', () => {
  for (const [filter, want] of filters) assert.equal(compileFilter(filter)(event), want, JSON.stringify(filter));
});

test('equal filters have one key, different ones have different keys', () => {
  assert.equal(filterKey({}), '');
  assert.equal(filterKey(undefined), filterKey({ types: [] }));
  assert.equal(filterKey({ types: ['a', 'b'] }), filterKey({ types: ['b', 'a', 'b'] }));
  assert.notEqual(filterKey({ types: ['a'] }), filterKey({ sources: ['a'] }));
  assert.notEqual(filterKey({ since: at(1) }), filterKey({ until: at(1) }));
  assert.notEqual(filterKey({ text: 'a' }), filterKey({ traceId: 'a' }));
});
