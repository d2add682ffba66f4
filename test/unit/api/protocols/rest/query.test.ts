import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { DescMessage, JsonObject } from '@bufbuild/protobuf';
import { CreateEventRequestSchema, ListEventsRequestSchema } from '../../../../../gen/es/sboxagent/v1/event_service_pb.js';
import { StopProcessRequestSchema } from '../../../../../gen/es/sboxagent/v1/process_service_pb.js';
import { isTooDeep } from '../../../../../src/api/protocols/rest/depth.ts';
import { mapQuery } from '../../../../../src/api/protocols/rest/query.ts';
import { AgentError } from '../../../../../src/kernel/errors.ts';

function mapped(query: string, desc: DescMessage, taken: string[] = []): JsonObject | string[] {
  const json: JsonObject = {};
  try {
    mapQuery(new URLSearchParams(query), json, { desc, taken: new Set(taken) });
    return json;
  } catch (error) {
    assert.ok(error instanceof AgentError);
    return error.violations.map(({ field }) => field);
  }
}

const rows: [string, DescMessage, JsonObject | string[]][] = [
  ['page_size=5&pageToken=x', ListEventsRequestSchema, { page_size: '5', page_token: 'x' }],
  [
    'filter.types=a.*&filter.types=b&filter.minSeverity=ERROR',
    ListEventsRequestSchema,
    { filter: { types: ['a.*', 'b'], min_severity: 'ERROR' } },
  ],
  ['filter.since=2026-01-01T00:00:00+01:00', ListEventsRequestSchema, { filter: { since: '2026-01-01T00:00:00+01:00' } }],
  ['filter.text=a+b%26c', ListEventsRequestSchema, { filter: { text: 'a b&c' } }],
  ['grace=1.5s', StopProcessRequestSchema, { grace: '1.5s' }],
  ['grace=500ms', StopProcessRequestSchema, { grace: '0.5s' }],
  ['grace=1m30s', StopProcessRequestSchema, { grace: '90s' }],
  ['grace=2h', StopProcessRequestSchema, { grace: '7200s' }],
  ['grace=soon', StopProcessRequestSchema, ['grace']],
  ['grace=5', StopProcessRequestSchema, ['grace']],
  ['page_size=', ListEventsRequestSchema, ['page_size']],
  ['page_size=1.5', ListEventsRequestSchema, ['page_size']],
  ['page_size=1&pageSize=2', ListEventsRequestSchema, ['pageSize']],
  ['colour=1&filter.x=2&filter=3&filter.types.x=4', ListEventsRequestSchema, ['colour', 'filter.x', 'filter', 'filter.types.x']],
  ['filter.min_severity=error', ListEventsRequestSchema, ['filter.min_severity']],
  ['__proto__=1&filter.__proto__=2&constructor=3', ListEventsRequestSchema, ['__proto__', 'filter.__proto__', 'constructor']],
  [`${'filter.'.repeat(40)}types=1`, ListEventsRequestSchema, [`${'filter.'.repeat(40)}types`]],
];
for (const [query, desc, wanted] of rows) it(query.slice(0, 60), () => assert.deepEqual(mapped(query, desc), wanted));

it('refuses what comes from the path or the body', () => {
  assert.deepEqual(mapped('event.type=a&request_id=r', CreateEventRequestSchema, ['event']), ['event.type']);
  assert.deepEqual(mapped('requestId=r', CreateEventRequestSchema, ['request_id']), ['requestId']);
});

const depths: [string, boolean][] = [
  ['{"a":[{}]}', false],
  ['{"a":[{"b":[]}]}', true],
  ['{"a":"[[[[[[{{{{"}', false],
  ['{"a":"\\"[[[[["}', false],
  ['[[[[', true],
  ['"\\', false],
  ['', false],
];
for (const [json, deep] of depths) it(`depth of ${json}`, () => assert.equal(isTooDeep(Buffer.from(json), 3), deep));
