/** What the console computes without a browser. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { EventSchema } from '../../../gen/es/sboxagent/v1/event_pb.js';
import { TraceEntry_Kind, TraceEntrySchema } from '../../../gen/es/sboxagent/v1/trace_pb.js';
import { bytes, percent, span } from '../../../src/console/core/format.ts';
import { runsOf } from '../../../src/console/core/runs.ts';
import { fieldOf, withMember } from '../../../src/console/core/schema.ts';
import { storyOf } from '../../../src/console/core/story.ts';

test('sizes, shares and spans have three digits at most', () => {
  assert.deepEqual([0, 999, 1024, 1536, 1_048_576 * 12.34].map(bytes), ['0 B', '999 B', '1 KiB', '1.5 KiB', '12 MiB']);
  assert.deepEqual([0, 0.0001, 0.0123, 0.5, 1.5].map(percent), ['0 %', '0 %', '1.2 %', '50 %', '150 %']);
  assert.deepEqual([-5, 0, 20, 1000, 61_000, 3_600_000, 90_061_000].map(span), ['0s', '0s', '20ms', '1s', '1m 1s', '1h', '1d 1h']);
});

test('runs: each with its end, newest first; one whose end nobody saw is unknown', () => {
  const at = (type: string, ms: number, data = {}) => create(EventSchema, { type, time: timestampFromMs(ms), data });
  const events = [
    at('process.exited', 5, { code: 1 }),
    at('process.started', 10),
    at('process.exited', 20, { signal: 'SIGKILL', oom_killed: true }),
    at('process.started', 30),
    at('process.started', 40),
    at('process.stopped', 50),
    at('process.started', 60),
  ];
  assert.deepEqual(runsOf(events, true), [
    { fromMs: 60, untilMs: undefined, end: { kind: 'running' } },
    { fromMs: 40, untilMs: 50, end: { kind: 'stopped' } },
    { fromMs: 30, untilMs: 40, end: { kind: 'unknown' } },
    { fromMs: 10, untilMs: 20, end: { kind: 'signal', signal: 'SIGKILL', oom: true } },
    { fromMs: undefined, untilMs: 5, end: { kind: 'code', code: 1 } },
  ]);
  assert.deepEqual(runsOf(events.slice(-1), false)[0]?.end, { kind: 'unknown' });
});

test('a form by its schema: references are followed, what is not understood is JSON, nothing is endless', () => {
  const schema = {
    $defs: { port: { type: 'integer', minimum: 1, maximum: 65_535, title: 'Port' }, self: { $ref: '#/$defs/self' } },
    type: 'object',
    required: ['url'],
    properties: {
      url: { type: 'string', pattern: '^https' },
      port: { $ref: '#/$defs/port' },
      self: { $ref: '#/$defs/self' },
      mode: { enum: ['a', 1] },
      tags: { type: 'array', items: { type: 'string' } },
      pairs: { type: 'array', items: { type: 'object' } },
      any: { type: ['string', 'null'] },
      deep: { properties: { on: { type: 'boolean' } } },
    },
  };
  const field = fieldOf(schema);
  assert.equal(field.kind, 'object');
  const members = field.kind === 'object' ? field.fields : [];
  assert.deepEqual(
    members.map(({ name, required, field: { kind } }) => [name, required, kind]),
    [
      ['url', true, 'text'],
      ['port', false, 'number'],
      ['self', false, 'json'],
      ['mode', false, 'choice'],
      ['tags', false, 'lines'],
      ['pairs', false, 'json'],
      ['any', false, 'json'],
      ['deep', false, 'object'],
    ],
  );
  assert.deepEqual(members[1]?.field, { title: 'Port', description: '', kind: 'number', whole: true, min: 1, max: 65_535 });
  assert.equal(fieldOf(undefined).kind, 'json');
  assert.deepEqual(withMember({ a: 1, b: 2 }, 'b', undefined), { a: 1 });
  assert.deepEqual(withMember(undefined, 'b', 2), { b: 2 });
});

test('a story is a tree; a parent that is not there and a circle lose nothing', () => {
  const span = (id: string, parentId: string) => create(TraceEntrySchema, { kind: TraceEntry_Kind.SPAN, id, parentId });
  const event = (id: string, parentId: string) => create(TraceEntrySchema, { kind: TraceEntry_Kind.EVENT, id, parentId });
  const rows = storyOf([
    span('a', 'elsewhere'),
    event('e1', 'a'),
    span('b', 'a'),
    event('e2', 'b'),
    event('e3', ''),
    span('x', 'y'),
    span('y', 'x'),
  ]);
  assert.deepEqual(
    rows.map(({ entry, depth }) => [entry.id, depth]),
    [
      ['a', 0],
      ['e1', 1],
      ['b', 1],
      ['e2', 2],
      ['e3', 0],
      ['x', 0],
      ['y', 0],
    ],
  );
});
