/** The journal judges events in place of the rules of their proto: what breaks a rule it refuses too, or the service asks the rules. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { EventSchema } from '../../../../gen/es/sboxagent/v1/event_pb.js';
import { BatchCreateEventsRequestSchema, CreateEventRequestSchema } from '../../../../gen/es/sboxagent/v1/event_service_pb.js';
import { newEvents } from '../../../../src/api/convert/event.ts';
import { createValidate } from '../../../../src/api/dispatch/validation.ts';
import { judgeBatch, needsRules } from '../../../../src/api/services/publish-batches.ts';
import { ingest } from '../../../../src/events/ingest.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';

const validate = createValidate();

function throws(fn: () => void): boolean {
  try {
    fn();
    return false;
  } catch {
    return true;
  }
}

const texts = (max: number): string[] => [
  '',
  'a',
  'a'.repeat(max),
  'a'.repeat(max + 1),
  'ä'.repeat(max / 2),
  'ä'.repeat(max / 2 + 1),
  '\u{1f600}'.repeat(max),
];
const hex = [
  '',
  '0'.repeat(8),
  'F'.repeat(32),
  'f'.repeat(16),
  'g'.repeat(32),
  '0'.repeat(31),
  '01234567-89ab-CDEF-0123-456789abcdef',
  `${'0'.repeat(32)}\n`,
];

/** For each field, values at its bounds and beyond them. */
const values: { readonly [K in keyof MessageInitShape<typeof EventSchema>]?: readonly unknown[] } = {
  id: texts(256),
  type: [...texts(128), 'a.b-c_d', 'a..b', '.a', 'a.', 'A', 'a b', 'a\n', '\u{1d4d0}'.repeat(100)],
  source: texts(256),
  subject: texts(1024),
  severity: [0, 1, 5, 6, -1, 99],
  priority: [0, 100, 101, -1, 2_147_483_647],
  traceId: hex,
  spanId: hex,
  correlationId: texts(256),
  attributes: [
    Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`k${i}`, 'v'])),
    Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'v'])),
    ...texts(128).map((key) => ({ [key]: 'v' })),
    ...texts(4096).map((value) => ({ k: value })),
  ],
};

test('no event passes the journal that breaks a rule of its proto', () => {
  let refused = 0;
  for (const [field, list] of Object.entries(values)) {
    for (const value of list) {
      const event = create(EventSchema, { type: 'a.b', [field]: value } as MessageInitShape<typeof EventSchema>);
      const breaks = throws(() => validate(CreateEventRequestSchema, create(CreateEventRequestSchema, { event })));
      if (!breaks || needsRules([event])) continue;
      refused += 1;
      const options = { context: { source: 's' }, clock: systemClock, redactor: undefined, stamp: () => undefined };
      assert.ok(
        throws(() => ingest(newEvents([event]), options)),
        `${field} = ${JSON.stringify(value)?.slice(0, 60)}`,
      );
    }
  }
  assert.ok(refused >= 25, `${refused} values break a rule`);
});

test('a batch that is too long is refused in the same words, and the events behind its end are not looked at', () => {
  const said = (fn: () => void): unknown => {
    try {
      fn();
      return undefined;
    } catch (error) {
      return (error as { readonly violations?: unknown }).violations;
    }
  };
  for (const type of ['a.b', '']) {
    const events = Array.from({ length: 1500 }, () => create(EventSchema, { type }));
    const inWhole = said(() => validate(BatchCreateEventsRequestSchema, create(BatchCreateEventsRequestSchema, { events })));
    assert.ok(Array.isArray(inWhole) && inWhole[0].rule === 'repeated.max_items');
    assert.deepEqual(
      said(() => judgeBatch(events, validate)),
      inWhole,
    );
  }
  let judged = 0;
  judgeBatch(
    Array.from({ length: 5000 }, () => create(EventSchema)),
    (_schema, message) => {
      judged = (message as unknown as { readonly events: readonly unknown[] }).events.length;
    },
  );
  assert.equal(judged, 1001);
});
