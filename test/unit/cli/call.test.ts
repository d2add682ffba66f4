import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allMethods, findMethod, shortName } from '../../../src/cli/call/find-method.ts';
import { fromJson } from '../../../src/cli/call/from-json.ts';
import { loadSchema } from '../../../src/cli/call/schema.ts';
import { toJson } from '../../../src/cli/call/to-json.ts';
import { formatTimestamp, parseDurationJson, parseTimestamp } from '../../../src/cli/call/well-known.ts';

const schema = loadSchema();

/** Through the wire's bytes and back. */
function roundTrip(method: string, request: unknown): unknown {
  const { definition, requestType } = findMethod(schema, method);
  const bytes = definition.requestSerialize(fromJson(schema, requestType, request));
  return toJson(schema, requestType, definition.requestDeserialize(bytes));
}

test('an event keeps every kind of value', () => {
  const event = {
    id: 'x',
    revision: '9007199254740993',
    type: 'a.b',
    source: '',
    subject: '',
    severity: 'ERROR',
    priority: 0,
    time: '2026-01-02T03:04:05.000000006Z',
    ingest_time: '1969-12-31T23:59:59.500Z',
    trace_id: '',
    span_id: '',
    correlation_id: '',
    data: { n: null, t: true, f: false, z: 0, x: -1.5, s: '', o: {}, l: [], deep: [{ a: [1, ['b', null]] }] },
    attributes: { one: '1', '': 'empty' },
    redacted: ['a', 'b'],
  };
  assert.deepEqual(roundTrip('EventService.CreateEvent', { event, request_id: 'r' }), { event, request_id: 'r' });
});

test('defaults are printed, absent optional fields and messages are not', () => {
  assert.deepEqual(roundTrip('EventService.WatchEvents', {}), {});
  assert.deepEqual(roundTrip('EventService.WatchEvents', { afterRevision: 0 }), { after_revision: '0' });
  assert.deepEqual(roundTrip('ProcessService.StopProcess', { id: 'x' }), { id: 'x', request_id: '' });
  assert.deepEqual(roundTrip('ProcessService.StopProcess', { id: 'x', grace: '0.000000001s', request_id: null }), {
    id: 'x',
    grace: '0.000000001s',
    request_id: '',
  });
  assert.deepEqual(roundTrip('ProcessService.StartProcess', { id: 'x', waitFor: 3, env: { A: 'b' } }), {
    id: 'x',
    command: [],
    env: { A: 'b' },
    cwd: '',
    wait_for: 'READY',
    request_id: '',
  });
});

test('a status with details inside an answer is readable', () => {
  const { definition, responseType } = findMethod(schema, 'EventService.PublishEvents');
  const value = Buffer.from([0x0a, 0x01, 0x52, 0x12, 0x01, 0x64]); // ErrorInfo{reason: "R", domain: "d"}
  const answer = {
    batch_id: '7',
    error: {
      code: 3,
      message: 'no',
      details: [
        { type_url: 'type.googleapis.com/google.rpc.ErrorInfo', value },
        { type_url: 'type.googleapis.com/some.Other', value: Buffer.from('hi') },
      ],
    },
  };
  const json = toJson(schema, responseType, definition.responseDeserialize(definition.responseSerialize(answer)));
  assert.deepEqual(json, {
    batch_id: '7',
    receipts: [],
    error: {
      code: 3,
      message: 'no',
      details: [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'R', domain: 'd', metadata: {} },
        { '@type': 'type.googleapis.com/some.Other', value: 'aGk=' },
      ],
    },
  });
});

test('requests that no message can hold are refused by name', () => {
  for (const [method, request, words] of [
    ['EventService.CreateEvent', { event: { typ: 'x' } }, /event\.typ/],
    ['EventService.CreateEvent', { event: [] }, /event must be an object/],
    ['EventService.CreateEvent', { event: { severity: 'LOUD' } }, /event\.severity must be one of .*WARNING/],
    ['EventService.CreateEvent', { event: { time: 'yesterday' } }, /event\.time must be a time/],
    ['EventService.CreateEvent', { event: { priority: 1.5 } }, /event\.priority must be a whole number/],
    ['EventService.CreateEvent', { event: { revision: '9223372036854775808' } }, /event\.revision/],
    ['EventService.CreateEvent', { event: { data: [] } }, /event\.data must be an object/],
    ['EventService.CreateEvent', { event: { attributes: { a: 1 } } }, /event\.attributes\["a"\] must be text/],
    ['EventService.BatchCreateEvents', { events: [{}, 5] }, /events\[1\] must be an object/],
    ['EventService.BatchCreateEvents', { events: {} }, /events must be a list/],
    ['ProcessService.StopProcess', { id: 'x', grace: 5 }, /grace must be a duration/],
    ['ProcessService.StopProcess', [], /it must be an object/],
  ] as const) {
    assert.throws(
      () => roundTrip(method, request),
      (error: Error) => words.test(error.message),
      `${method} ${JSON.stringify(request)}`,
    );
  }
});

test('names of methods', () => {
  const name = (text: string): string => shortName(findMethod(schema, text));
  assert.equal(name('EventService.ListEvents'), 'EventService.ListEvents');
  assert.equal(name('EventService/ListEvents'), 'EventService.ListEvents');
  assert.equal(name('/sboxagent.v1.EventService/ListEvents'), 'EventService.ListEvents');
  assert.equal(name('grpc.health.v1.Health.Check'), 'grpc.health.v1.Health.Check');
  assert.throws(() => findMethod(schema, 'Events.ListEvents'), { remedy: /EventService\.ListEvents/ });
  assert.throws(() => findMethod(schema, 'zzz'), { exitCode: 2, remedy: /lists them all/ });
  const methods = allMethods(schema);
  for (const { requestType, responseType } of methods) assert.ok(schema.messages.has(requestType) && schema.messages.has(responseType));
});

test('times', () => {
  assert.deepEqual(parseTimestamp('1970-01-01T00:00:01.5Z'), { seconds: '1', nanos: 500_000_000 });
  assert.deepEqual(parseTimestamp('1969-12-31T23:59:59.25Z'), { seconds: '-1', nanos: 250_000_000 });
  for (const bad of ['', '2026-01-01', '2026-13-01T00:00:00Z', '2026-01-01T00:00:00', '2026-01-01T00:00:00.1234567890Z'])
    assert.equal(parseTimestamp(bad), undefined, bad);
  assert.equal(formatTimestamp({ seconds: '99999999999999' }), '99999999999999s');
  assert.deepEqual(parseDurationJson('-1.5s'), { seconds: '-1', nanos: -500_000_000 });
  for (const bad of ['', '1', '1ms', '1.s', 's']) assert.equal(parseDurationJson(bad), undefined, bad);
});
