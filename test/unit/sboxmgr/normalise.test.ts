import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NewEvent } from '../../../src/events/index.ts';
import { ingest } from '../../../src/events/ingest.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import type { AgentError } from '../../../src/kernel/errors.ts';
import { typeOf } from '../../../src/sboxmgr/normalise/event-types.ts';
import { type Around, normalise } from '../../../src/sboxmgr/normalise/normalise.ts';
import { timeOf } from '../../../src/sboxmgr/normalise/times.ts';
import { ofTraceId, ofTraceparent } from '../../../src/sboxmgr/normalise/traces.ts';
import { priorityOf, severityByFacts, severityOf } from '../../../src/sboxmgr/normalise/words.ts';

function event(raw: unknown, around?: Around): NewEvent {
  const made = normalise(raw, around);
  assert.ok(made.ok, made.ok ? '' : made.message);
  return made.event;
}

for (const [name, type] of [
  ['config.generated', 'config.generated'],
  ['CONFIG_GENERATED', 'config.generated'],
  ['config_generated', 'config.generated'],
  ['ConfigGenerated', 'config.generated'],
  ['EventType.CONFIG_BACKUP_CREATED', 'config.backup.created'],
  ['subscription_updated', 'subscription.updated'],
  ['subscription.update_completed', 'subscription.update_completed'],
  ['SUBSCRIPTION_UPDATE_STARTED', 'subscription.update_started'],
  ['validation_started', 'sboxmgr.agent.validation.started'],
  ['validation_completed', 'sboxmgr.agent.validation.completed'],
  ['agent.check.completed', 'sboxmgr.agent.check.completed'],
  ['agent.validation.started', 'sboxmgr.agent.validation.started'],
  ['health.alert_triggered', 'health.alert_triggered'],
  ['PLUGIN_ERROR', 'plugin.error'],
  ['LOG', 'sboxmgr.log'],
  ['ERROR', 'error.occurred'],
  ['CONFIG', 'config.updated'],
  ['mvp_test', 'sboxmgr.mvp_test'],
  ['Some Odd/Name:here!', 'sboxmgr.some.odd.name.here_'],
  ['sboxmgr.own', 'sboxmgr.own'],
  // The agent's own types are nobody else's.
  ['process.exited', 'sboxmgr.process.exited'],
  ['agent.started', 'sboxmgr.agent.started'],
  ['__proto__', 'sboxmgr.proto__'],
  ['constructor', 'sboxmgr.constructor'],
  ['...', undefined],
  ['Ж', undefined],
  [' ', undefined],
] as const) {
  test(`type ${name} is ${type}`, () => assert.equal(typeOf(name), type));
}

test('a type of any length and letters is one that the journal takes', () => {
  for (const name of ['x'.repeat(100_000), `${'a.'.repeat(500)}b`, `x${'.-'.repeat(90)}y`, 'a\u0000b', '-a.-b']) {
    assert.match(typeOf(name) ?? '', /^[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*$/);
    assert.ok((typeOf(name)?.length ?? 0) <= 128);
  }
});

for (const [value, severity] of [
  ['info', 'INFO'],
  ['WARNING', 'WARNING'],
  ['warn', 'WARNING'],
  [' Error ', 'ERROR'],
  ['LogLevel.CRITICAL', 'CRITICAL'],
  ['fatal', 'CRITICAL'],
  ['trace', 'DEBUG'],
  [10, 'DEBUG'],
  [30, 'WARNING'],
  [40, 'ERROR'],
  [50, 'CRITICAL'],
  ['loud', undefined],
  ['constructor', undefined],
  [null, undefined],
  [{}, undefined],
] as const) {
  test(`severity ${JSON.stringify(value)} is ${severity}`, () => assert.equal(severityOf(value), severity));
}

test('without a word the type and the outcome tell the severity', () => {
  assert.equal(severityByFacts('plugin.error', {}), 'ERROR');
  assert.equal(severityByFacts('warning.issued', {}), 'WARNING');
  assert.equal(severityByFacts('subscription.update_completed', { status: 'failed' }), 'ERROR');
  assert.equal(severityByFacts('config.validation_completed', { status: 'invalid' }), 'WARNING');
  assert.equal(severityByFacts('health.status_changed', { current_status: 'unhealthy' }), 'ERROR');
  assert.equal(severityByFacts('sboxmgr.agent.validation.completed', { success: false }), 'WARNING');
  assert.equal(severityByFacts('config.generated', { status: 'completed' }), undefined);
});

for (const [value, priority] of [
  ['critical', 100],
  ['HIGH', 80],
  ['normal', 50],
  ['EventPriority.LOW', 20],
  ['debug', 10],
  [80, 80],
  [72.6, 73],
  [-5, 0],
  [1000, 100],
  ['20', 20],
  ['often', undefined],
  [Number.NaN, undefined],
  [[], undefined],
] as const) {
  test(`priority ${String(value)} is ${priority}`, () => assert.equal(priorityOf(value), priority));
}

const seconds = (text: string): number => new Date(text).getTime() / 1000;
for (const [value, at, nanos] of [
  ['2025-01-28T10:00:00Z', seconds('2025-01-28T10:00:00Z'), 0],
  ['2025-01-28T10:00:00.123Z', seconds('2025-01-28T10:00:00Z'), 123_000_000],
  ['2025-01-28T10:00:00.123456+03:00', seconds('2025-01-28T07:00:00Z'), 123_456_000],
  ['2025-01-28 10:00:00,5 +0300', seconds('2025-01-28T07:00:00Z'), 500_000_000],
  ['2025-01-28T10:00:00.123456789+00:00', seconds('2025-01-28T10:00:00Z'), 123_456_789],
  // As Python's datetime.now().isoformat() prints it: of this machine.
  ['2025-07-28T10:00:00.123456', new Date(2025, 6, 28, 10).getTime() / 1000, 123_456_000],
  ['2025-01-28', new Date(2025, 0, 28).getTime() / 1000, 0],
  [1_738_058_400, 1_738_058_400, 0],
  [1_738_058_400.25, 1_738_058_400, 250_000_000],
  [1_738_058_400_250, 1_738_058_400, 250_000_000],
  ['1738058400', 1_738_058_400, 0],
] as const) {
  test(`time ${value}`, () => assert.deepEqual(timeOf(value), { seconds: at, nanos }));
}

for (const value of ['', 'yesterday', '2025-13-45T99:00:00Z', '28.01.2025', null, {}, [], Number.NaN, 1e300, 'x'.repeat(1000)]) {
  test(`${JSON.stringify(value)?.slice(0, 20)} is no time`, () => assert.equal(timeOf(value), undefined));
}

test('a naive time is of the zone of this machine, in summer and in winter', () => {
  const zone = process.env['TZ'];
  process.env['TZ'] = 'Europe/Berlin';
  try {
    assert.equal(timeOf('2025-07-28T10:00:00')?.seconds, seconds('2025-07-28T08:00:00Z'));
    assert.equal(timeOf('2025-01-28T10:00:00')?.seconds, seconds('2025-01-28T09:00:00Z'));
  } finally {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
});

test('trace ids: 8 digits, a UUID, 32 digits, and what is none', () => {
  assert.deepEqual(ofTraceId('abcdef12'), { traceId: '000000000000000000000000abcdef12', original: 'abcdef12' });
  const uuid = '0af76519-16cd-43dd-8448-eb211c80319c';
  assert.deepEqual(ofTraceId(uuid.toUpperCase()), { traceId: uuid.replaceAll('-', ''), original: uuid.toUpperCase() });
  assert.deepEqual(ofTraceId('0af7651916cd43dd8448eb211c80319c'), { traceId: '0af7651916cd43dd8448eb211c80319c' });
  for (const none of ['test1234', '', '00000000', 'abc', 7, null]) assert.equal(ofTraceId(none), undefined);
});

test('traceparent', () => {
  const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
  assert.deepEqual(ofTraceparent(`00-${traceId}-${spanId}-01`), { traceId, spanId });
  for (const none of [`ff-${traceId}-${spanId}-01`, `00-${'0'.repeat(32)}-${spanId}-01`, `00-${traceId}-${'0'.repeat(16)}-01`, 'x', 1]) {
    assert.equal(ofTraceparent(none), undefined);
  }
});

test("the bridge's event", () => {
  const raw = {
    event_type: 'validation_started',
    source: 'sboxmgr.bridge',
    priority: 'high',
    data: { config_path: '/tmp/c', client_type: null },
  };
  const id = '3f0e7f9e-64f9-4b8b-9d0f-000000000001';
  assert.deepEqual(event(raw, { id, timestamp: '2025-01-28T10:00:00.500Z' }), {
    type: 'sboxmgr.agent.validation.started',
    id,
    source: 'sboxmgr.bridge',
    priority: 80,
    time: { seconds: seconds('2025-01-28T10:00:00Z'), nanos: 500_000_000 },
    data: { config_path: '/tmp/c', client_type: null },
    attributes: { original_type: 'validation_started' },
  });
});

test("the event manager's event: payload, local time, trace and session", () => {
  const made = event({
    event_type: 'config.generated',
    payload: { status: 'started', server_count: 3 },
    source: 'config.generate',
    timestamp: '2025-07-28T10:00:00.123456',
    priority: 50,
    trace_id: 'abcdef12',
    session_id: 's-1',
  });
  assert.equal(made.type, 'config.generated');
  assert.deepEqual(made.data, { status: 'started', server_count: 3 });
  assert.equal(made.traceId, '000000000000000000000000abcdef12');
  assert.deepEqual(made.attributes, { original_type: 'config.generated', original_trace_id: 'abcdef12', session_id: 's-1' });
});

test('the event of the sbox-common schemas', () => {
  const made = event({
    event_id: '0af76519-16cd-43dd-8448-eb211c80319c',
    timestamp: '2025-01-28T10:00:00Z',
    source: 'sboxagent',
    event_type: 'subscription.update_completed',
    correlation_id: 'cycle-7',
    metadata: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', attempt: 2, nested: { a: 1 }, none: null },
    data: { subscription_id: 's', status: 'failed', trace_id: 'ffffffff' },
  });
  assert.equal(made.id, '0af76519-16cd-43dd-8448-eb211c80319c');
  assert.equal(made.source, undefined, "the agent's name is not to be had");
  assert.equal(made.severity, 'ERROR');
  assert.equal(made.correlationId, 'cycle-7');
  assert.deepEqual([made.traceId, made.spanId], ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']);
  assert.deepEqual(
    [made.attributes?.['original_source'], made.attributes?.['attempt'], made.attributes?.['nested'], made.attributes?.['none']],
    ['sboxagent', '2', '{"a":1}', undefined],
  );
});

test('the plain event, and a line on stdout', () => {
  const plain = event({
    type: 'WARNING',
    source: 'fetcher',
    timestamp: 1_738_058_400,
    version: '1.0',
    data: { text: 'x' },
    metadata: { plugin: 'url' },
  });
  assert.deepEqual(
    [plain.type, plain.severity, plain.attributes],
    ['warning.issued', 'WARNING', { original_type: 'WARNING', event_version: '1.0', plugin: 'url' }],
  );
  const line = event({ type: 'LOG', data: { level: 'error', message: 'no server' } });
  assert.deepEqual([line.type, line.severity, line.data], ['sboxmgr.log', 'ERROR', { level: 'error', message: 'no server' }]);
});

test('data that is no object, and an event that is flat', () => {
  assert.deepEqual(event({ type: 'x', data: [1, 2] }).data, { value: [1, 2] });
  assert.deepEqual(event({ type: 'x', data: 'text' }).data, { value: 'text' });
  assert.deepEqual(event({ type: 'x', data: null, count: 3, level: 'warn' }).data, { count: 3 });
});

test('a correlation id in the metadata, of the event or of the message around it, is the correlation id, and the trace where it has that form', () => {
  const of = (made: ReturnType<typeof event>): unknown[] => [made.correlationId, made.traceId, made.attributes?.['original_trace_id']];
  const padded = '000000000000000000000000abcdef12';
  assert.deepEqual(of(event({ type: 'x', metadata: { correlation_id: 'abcdef12' } })), ['abcdef12', padded, 'abcdef12']);
  assert.deepEqual(of(event({ type: 'x' }, { metadata: { correlation_id: 'abcdef12' } })), ['abcdef12', padded, 'abcdef12']);
  const uuid = '3b241101-e2bb-4255-8caf-4136c566a962';
  assert.deepEqual(of(event({ type: 'x', metadata: { correlation_id: uuid } })), [uuid, uuid.replaceAll('-', ''), uuid]);
  assert.deepEqual(of(event({ type: 'x', metadata: { correlation_id: 'cycle 7' } })), ['cycle 7', undefined, undefined]);
  assert.deepEqual(of(event({ type: 'x', metadata: { correlation_id: 7 } })), ['7', undefined, undefined]);
  const both = { correlation_id: 'own', metadata: { correlation_id: 'abcdef12' } };
  assert.deepEqual(of(event({ type: 'x', ...both }, { correlationId: 'around' })), ['own', padded, 'abcdef12']);
  assert.equal(event({ type: 'x', metadata: both.metadata, trace_id: '12345678' }).traceId, '00000000000000000000000012345678');
});

test('a correlation id of the form of a trace id is the trace', () => {
  assert.equal(event({ type: 'x' }, { correlationId: 'abcdef12' }).traceId, '000000000000000000000000abcdef12');
  assert.equal(event({ type: 'x' }, { correlationId: 'cycle 7' }).traceId, undefined);
  assert.equal(event({ type: 'x', trace_id: 'test1234' }).attributes?.['original_trace_id'], 'test1234');
});

test("only a message id that is a UUID becomes the event's", () => {
  assert.equal(event({ type: 'x' }, { id: 'mvp-test-123' }).id, undefined);
  assert.equal(event({ type: 'x', event_id: 'x'.repeat(1000) }).id, undefined);
});

for (const raw of [
  null,
  7,
  'text',
  [],
  [{ type: 'x' }],
  {},
  { type: '' },
  { type: 7 },
  { event_type: null },
  { event_type: {} },
  { type: '…' },
]) {
  test(`${JSON.stringify(raw)} is no event`, () => assert.equal(normalise(raw).ok, false));
}

test('odd texts are cut to what the journal takes, without half characters', () => {
  const made = event({
    type: 'x',
    source: '\ud800'.repeat(10),
    subject: 'ж'.repeat(1000),
    metadata: { ['k'.repeat(500)]: '€'.repeat(5000) },
  });
  assert.ok(made.source?.isWellFormed());
  assert.ok(Buffer.byteLength(made.subject ?? '') <= 256 && made.subject?.isWellFormed());
  for (const [key, value] of Object.entries(made.attributes ?? {})) assert.ok(key.length <= 128 && Buffer.byteLength(value) <= 4096);
});

test('whatever comes, the journal takes what is made of it, but for data that no JSON can carry', () => {
  const odd: readonly unknown[] = [
    null,
    true,
    -1,
    1e308,
    7.5,
    '',
    ' ',
    'x'.repeat(5000),
    '\ud800',
    'ж\u0000',
    [],
    [[1]],
    {},
    { a: null },
    '__proto__',
    '00-0-0-0',
  ];
  const keys =
    'event_type type source timestamp version data payload metadata priority severity level trace_id traceparent event_id correlation_id subject plugin'.split(
      ' ',
    );
  let state = 7;
  const below = (n: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % n;
  };
  const any = (): unknown =>
    below(4) === 0
      ? Object.fromEntries([
          [keys[below(keys.length)], odd[below(odd.length)]],
          [String(odd[below(odd.length)]), any()],
        ])
      : odd[below(odd.length)];
  let taken = 0;
  for (let i = 0; i < 20_000; i++) {
    const raw = Object.fromEntries(Array.from({ length: 8 }, () => [keys[below(keys.length)], any()]));
    const made = normalise({ type: 'x', ...raw }, { id: any(), timestamp: any(), correlationId: any(), metadata: any() });
    if (!made.ok) continue;
    taken += 1;
    try {
      ingest([made.event], { context: { source: 'test' }, clock: systemClock, redactor: undefined, stamp: () => undefined });
    } catch (error) {
      const { violations } = error as AgentError;
      assert.deepEqual(
        violations.filter(({ field }) => !field.startsWith('events[0].data')),
        [],
        JSON.stringify(made.event).slice(0, 500),
      );
    }
  }
  assert.ok(taken > 5_000, String(taken));
});
