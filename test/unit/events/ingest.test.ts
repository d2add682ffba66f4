import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ingest as ingestAll } from '../../../src/events/ingest.ts';
import { decodeBody, encodeBody, type FreshEvent, storedEvent, textKey } from '../../../src/events/record.ts';
import type { NewEvent } from '../../../src/events/types.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { AgentError } from '../../../src/kernel/errors.ts';
import { createRedactor } from '../../../src/kernel/redaction.ts';

const clock = { ...systemClock, wallMs: () => 1_700_000_000_123 };
const call = { source: 'caller', traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
const context = { context: call, clock, redactor: createRedactor(['password', 'token']), stamp: () => undefined };

/** One valid event. */
function ingest(event: NewEvent, of = context as Parameters<typeof ingestAll>[1]): FreshEvent {
  const [measured] = ingestAll([event], of);
  assert.ok(measured);
  return measured.event;
}
const validate = (events: readonly NewEvent[]): unknown => ingestAll(events, context);

test('what is absent is filled in', () => {
  const event = ingest({ type: 'a.b' }, context);
  assert.match(event.id, /^[0-9A-Z]{26}$/);
  assert.deepEqual([event.source, event.severity, event.priority, event.subject], ['caller', 'INFO', 50, '']);
  assert.deepEqual(event.time, { seconds: 1_700_000_000, nanos: 123_000_000 });
  assert.deepEqual([event.traceId, event.spanId], [call.traceId, call.spanId]);
});

test('ids of traces come to one form, and the original is kept', () => {
  const uuid = '0AF76519-16cd-43dd-8448-eb211c80319c';
  const a = ingest({ type: 'a', traceId: uuid }, context);
  assert.deepEqual([a.traceId, a.attributes, a.spanId], ['0af7651916cd43dd8448eb211c80319c', { original_trace_id: uuid }, '']);
  const b = ingest({ type: 'a', traceId: 'deadbeef', attributes: { x: 'y' } }, context);
  assert.deepEqual([b.traceId, b.attributes], [`${'0'.repeat(24)}deadbeef`, { x: 'y', original_trace_id: 'deadbeef' }]);
  const c = ingest({ type: 'a', traceId: 'C'.repeat(32) }, context);
  assert.deepEqual([c.traceId, c.attributes], ['c'.repeat(32), {}]);
  // Nothing but zeros is what a publisher without a trace sends.
  for (const none of ['0'.repeat(32), '0'.repeat(8), '00000000-0000-0000-0000-000000000000']) {
    const d = ingest({ type: 'a', traceId: none, spanId: '0'.repeat(16) }, context);
    assert.deepEqual([d.traceId, d.spanId, d.attributes], [call.traceId, call.spanId, {}], none);
  }
});

test('secrets are masked and their paths told; the rest is stored as it came', () => {
  const data = { user: 'u', password: 'p', list: [{ auth_token: 't' }, 1], url: 'http://u:p@h/x', has_password: true };
  const event = ingest({ type: 'a', data, attributes: { token: 't', k: 'v' } }, context);
  assert.deepEqual(event.data, { user: 'u', password: '***', list: [{ auth_token: '***' }, 1], url: 'http://***@h/x', has_password: true });
  assert.deepEqual(event.attributes, { token: '***', k: 'v' });
  assert.deepEqual(event.redacted, ['data.password', 'data.list[0].auth_token', 'data.url', 'attributes.token']);
  assert.deepEqual(ingest({ type: 'a', data }, { ...context, redactor: undefined }).data, data);
});

test('nasty strings and keys survive the way to the table and back', () => {
  const data = JSON.parse('{"__proto__":{"password":"x","polluted":true},"constructor":1,"nul":"a\\u0000b","ls":"\\u2028","":[null]}');
  const fresh = ingest({ type: 'a', id: "n'1\n\u001b", subject: 'a\0b\u2028', data }, context);
  const back = decodeBody(9, encodeBody(fresh));
  assert.deepEqual(back, storedEvent(9, fresh));
  assert.deepEqual(Object.keys(back.data ?? {}), ['__proto__', 'constructor', 'nul', 'ls', '']);
  assert.equal(JSON.stringify(back.data), JSON.stringify(data).replace('"x"', '"***"'));
  assert.equal(textKey('a\0b').includes('\0'), false);
  assert.notEqual(textKey('a\\u0000'), textKey('a\0'));
});

const bad: readonly [Partial<NewEvent>, string][] = [
  [{ type: '' }, 'type'],
  [{ type: 'Upper.case' }, 'type'],
  [{ type: 'a..b' }, 'type'],
  [{ type: 'a.' }, 'type'],
  [{ type: 'x'.repeat(129) }, 'type'],
  [{ id: 'ä'.repeat(129) }, 'id'],
  [{ id: '\ud800' }, 'id'],
  [{ source: 's'.repeat(257) }, 'source'],
  [{ subject: 's'.repeat(1025) }, 'subject'],
  [{ correlationId: 's'.repeat(257) }, 'correlation_id'],
  [{ priority: -1 }, 'priority'],
  [{ priority: 101 }, 'priority'],
  [{ priority: 1.5 }, 'priority'],
  [{ time: { seconds: 1e15, nanos: 0 } }, 'time'],
  [{ traceId: 'xyz' }, 'trace_id'],
  [{ spanId: 'ABCDEF0123456789' }, 'span_id'],
  [{ attributes: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ''])) }, 'attributes'],
  [{ attributes: { k: 'v'.repeat(4097) } }, 'attributes["k"]'],
  [{ data: { a: [1, Number.NaN] } }, 'data.a[1]'],
  [{ data: { a: '\udc00' } }, 'data.a'],
  [{ data: { '\ud800': 1 } }, 'data'],
];

for (const [fields, field] of bad) {
  test(`refused: ${field} of ${JSON.stringify(fields).slice(0, 40)}`, () => {
    assert.throws(
      () => validate([{ type: 'ok' }, { type: 'a.b', ...fields }]),
      (error) =>
        error instanceof AgentError && error.reason === 'INVALID_REQUEST' && error.violations.some((v) => v.field === `events[1].${field}`),
    );
  });
}

test('every fault is named; data that is too deep is one', () => {
  let deep: NonNullable<NewEvent['data']> = {};
  for (let i = 0; i < 200; i++) deep = { deep };
  assert.throws(
    () => validate([{ type: '', priority: 900, data: deep }]),
    (error) =>
      error instanceof AgentError &&
      error.violations.map((v) => v.field).join() ===
        `events[0].type,events[0].priority,events[0].${`data${'.deep'.repeat(100)}`.slice(0, 200)}`,
  );
  assert.doesNotThrow(() => validate([{ type: 'config.generated', id: 'x'.repeat(256), priority: 0, data: { 'a.b': [null, true] } }]));
});
