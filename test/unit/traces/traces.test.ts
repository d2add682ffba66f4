import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TraceSchema } from '../../../gen/es/sboxagent/v1/trace_pb.js';
import { encodeMessage } from '../../../src/api/codec/binary.ts';
import { traceMessage } from '../../../src/api/convert/trace.ts';
import { type Clock, systemClock } from '../../../src/kernel/clock.ts';
import type { EndedCall, FinishedSpan } from '../../../src/telemetry/types.ts';
import { openTraces, type TraceFilter, type TraceLine, type TracePage } from '../../../src/traces/index.ts';
import { bentClock } from '../../helpers/bent-clock.ts';
import { eventually, metricsFake, openRoom, scratch, silentLogger } from '../../helpers/event-room.ts';
import { smallDisk } from '../../helpers/small-disk.ts';

const kept = { ageMs: 86_400_000, bytes: 1 << 26 };
const everything: TraceFilter = { sinceMs: undefined, untilMs: undefined, minDurationMs: 0, methods: [], errorsOnly: false, text: '' };
const traceId = (n: number): string => n.toString(16).padStart(32, '0');
const { signal } = new AbortController();

interface RoomOptions {
  readonly clock?: Clock;
  readonly retention?: typeof kept;
  readonly lines?: readonly TraceLine[];
}

async function openTraceRoom(dir: string, { clock = systemClock, retention = kept, lines = [] }: RoomOptions = {}) {
  const { metrics, value } = metricsFake();
  const events = await openRoom({ dir, clock, boot: { id: 'test', uptimeMs: () => clock.monotonicMs() } });
  const { journal, store } = events;
  const find = (asked: { traceId: string }) => Promise.resolve(asked.traceId === traceId(1) ? lines : []);
  const traces = openTraces({ store, settings: { enabled: true, retention }, journal, lines: find, clock, logger: silentLogger, metrics });
  return {
    traces,
    journal,
    store,
    value,
    async [Symbol.asyncDispose]() {
      await traces.stop();
      await events[Symbol.asyncDispose]();
    },
  };
}

function span(n: number, over: Partial<FinishedSpan> = {}): FinishedSpan {
  const plain = {
    spanId: `${n}`.padStart(16, '0'),
    parentId: '',
    name: 'work',
    startMs: 1000 * n,
    durationMs: 10,
    code: 'OK',
    message: '',
  };
  return { traceId: traceId(n), ...plain, attributes: {}, ...over };
}

async function names(room: { traces: ReturnType<typeof openTraces> }, filter: Partial<TraceFilter> = {}): Promise<string> {
  const { traces } = await room.traces.list({ filter: { ...everything, ...filter }, pageSize: 1000, cursor: undefined });
  return traces.map((trace) => Number.parseInt(trace.traceId, 16)).join();
}

test('a trace is its spans: named by the first, from the first beginning to the last end, wrong where one is', async () => {
  using at = scratch();
  await using room = await openTraceRoom(at.dir);
  room.traces.sink.keep(span(1, { name: 'late', startMs: 1500, durationMs: 1000, code: 'INTERNAL' }));
  room.traces.sink.keep(span(1, { name: 'first', startMs: 1000, durationMs: 5 }));
  const { traces } = await room.traces.list({ filter: everything, pageSize: 10, cursor: undefined });
  assert.deepEqual(traces, [{ traceId: traceId(1), root: 'first', startMs: 1000, durationMs: 1500, spans: 2, error: true }]);
});

test('filters: time, duration, errors, methods as globs, text', async () => {
  using at = scratch();
  await using room = await openTraceRoom(at.dir);
  const { sink } = room.traces;
  sink.keep(span(1, { name: 'sboxagent.v1.ProcessService/StartProcess', attributes: { process: 'Edge' } }));
  sink.keep(span(2, { name: 'sboxagent.v1.ProcessService/StopProcess', durationMs: 900, code: 'NOT_FOUND', message: 'no such thing' }));
  sink.keep(span(3, { name: 'process.start', code: 'CANCELLED' }));
  assert.equal(await names(room), '3,2,1', 'the newest first');
  assert.equal(await names(room, { methods: ['*Process'] }), '2,1');
  assert.equal(await names(room, { methods: ['StartProcess', 'process.*'] }), '3,1');
  assert.equal(await names(room, { methods: ['sboxagent.v1.ProcessService.Sto*'] }), '2');
  assert.equal(await names(room, { methods: ['Star?Process', 'process[.]start'] }), '', 'only * is special');
  assert.equal(await names(room, { errorsOnly: true }), '2', 'who left early is no error');
  assert.equal(await names(room, { minDurationMs: 900 }), '2');
  assert.equal(await names(room, { sinceMs: 2000, untilMs: 3000 }), '2');
  assert.equal(await names(room, { text: 'eDGE' }), '1');
  assert.equal(await names(room, { text: 'such thing' }), '2');
});

test('pages', async () => {
  using at = scratch();
  await using room = await openTraceRoom(at.dir);
  for (let n = 1; n <= 25; n++) room.traces.sink.keep(span(n, { startMs: 5000 }));
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await room.traces.list({ filter: everything, pageSize: 10, cursor });
    seen.push(...page.traces.map((trace) => trace.traceId));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  assert.deepEqual(
    seen,
    Array.from({ length: 25 }, (_, n) => traceId(25 - n)),
  );
});

test('a search goes over all that is kept in bounded looks, and ends when its caller leaves', async () => {
  using at = scratch();
  await using room = await openTraceRoom(at.dir);
  const { store, traces } = room;
  for (let n = 1; n <= 5000; n += 1000) {
    const spans = Array.from({ length: 1000 }, (_, i) =>
      span(n + i, { startMs: 10 * (n + i), ...((n + i) % 1700 === 0 && { message: 'rare' }) }),
    );
    await store.write('traces', 'append', { spans: spans.map((one) => ({ span: one, worth: 'usual' })), bounds: { nowMs: 0, ...kept } });
  }
  const rare = { ...everything, text: 'rare' };
  assert.equal(await names(room, rare), '3400,1700');
  const first = await traces.list({ filter: rare, pageSize: 1, cursor: undefined });
  const second = await traces.list({ filter: rare, pageSize: 1, cursor: first.nextCursor });
  assert.deepEqual([first.traces[0]?.traceId, second.traces[0]?.traceId, second.nextCursor], [traceId(3400), traceId(1700), undefined]);
  const whole: string[] = [];
  for (let cursor: string | undefined, begun = false; !begun || cursor !== undefined; begun = true) {
    const page: TracePage = await traces.list({ filter: everything, pageSize: 999, cursor });
    whole.push(...page.traces.map((trace) => trace.traceId));
    cursor = page.nextCursor;
  }
  assert.deepEqual(
    whole,
    Array.from({ length: 5000 }, (_, n) => traceId(5000 - n)),
  );
  const stop = new AbortController();
  const searching = traces.list({ filter: { ...everything, text: 'nowhere' }, pageSize: 10, cursor: undefined }, stop.signal);
  stop.abort(new Error('left'));
  await assert.rejects(searching, /left/);
});

test('a story has spans, events and lines in the order of time; one without anything is not found', async () => {
  using at = scratch();
  const lines = [{ cursor: '7', timeMs: 1_700_000_000_500, source: 'edge', level: 'WARN', message: 'slow', spanId: '' }];
  await using room = await openTraceRoom(at.dir, { lines });
  const time = { seconds: 1_700_000_000, nanos: 250_000_000 };
  await room.journal.publish([{ type: 'a.b', id: 'e1', time, traceId: traceId(1) }], { source: 's' });
  room.traces.sink.keep(span(1, { startMs: 1_700_000_000_000, durationMs: 2000 }));
  const story = await room.traces.get(traceId(1), signal);
  assert.deepEqual(
    story.entries.map(({ kind }) => kind),
    ['SPAN', 'EVENT', 'LOG'],
  );
  assert.deepEqual(
    [story.root, story.startMs, story.durationMs, story.error, story.truncated],
    ['work', 1_700_000_000_000, 2000, false, false],
  );
  await assert.rejects(room.traces.get(traceId(99), signal), { reason: 'TRACE_NOT_FOUND' });
});

test('a story ends at 1 MiB and says so, whatever its events and lines weigh; its spans stay', async () => {
  using at = scratch();
  const line = (n: number): TraceLine => ({
    cursor: `${n}`,
    timeMs: 1000,
    source: 'edge',
    level: 'INFO',
    message: 'x'.repeat(16_000),
    spanId: '',
  });
  await using room = await openTraceRoom(at.dir, { lines: Array.from({ length: 200 }, (_, n) => line(n)) });
  const attributes = Object.fromEntries(Array.from({ length: 64 }, (_, n) => [`k${n}`, 'v'.repeat(4000)]));
  for (let n = 0; n < 12; n++)
    await room.journal.publish([{ type: 'a.fat', id: `f${n}`, attributes, traceId: traceId(1) }], { source: 's' });
  for (let n = 1; n <= 3; n++) room.traces.sink.keep(span(n, { traceId: traceId(1) }));
  const fat = await room.traces.get(traceId(1), signal);
  const count = (kind: string): number => fat.entries.filter((entry) => entry.kind === kind).length;
  assert.deepEqual([count('SPAN'), count('EVENT'), count('LOG'), fat.truncated], [3, 4, 0, true]);
  assert.ok(encodeMessage(TraceSchema, traceMessage(fat)).length <= 1 << 20);
  // Their data is no part of the story, and is not read without end either.
  for (let n = 0; n < 40; n++)
    await room.journal.publish([{ type: 'a.heavy', id: `h${n}`, data: { text: 'd'.repeat(900_000) }, traceId: traceId(2) }], {
      source: 's',
    });
  const heavy = await room.traces.get(traceId(2), signal);
  assert.ok(heavy.entries.length >= 16 && heavy.entries.length < 40 && heavy.truncated, `${heavy.entries.length} entries`);
  const alone = await openTraceRoom(join(at.dir, 'other'), { lines: Array.from({ length: 100 }, (_, n) => line(n)) });
  const lines = await alone.traces.get(traceId(1), signal);
  assert.ok(lines.entries.length >= 60 && lines.entries.length < 70 && lines.truncated, `${lines.entries.length} lines`);
  await alone[Symbol.asyncDispose]();
});

test('bounds: age by the clock of the machine, bytes, and what is left fits together', async () => {
  using at = scratch();
  const { clock, advance } = bentClock(1_000_000);
  await using room = await openTraceRoom(at.dir, { clock, retention: { ageMs: 60_000, bytes: 1 << 20 } });
  room.traces.sink.keep(span(1));
  assert.equal(await names(room), '1');
  advance(50_000);
  room.traces.sink.keep(span(2));
  room.traces.sink.keep(span(1, { name: 'more' }));
  assert.equal(await names(room), '2,1');
  advance(15_000);
  await eventually(async () =>
    (await room.traces.list({ filter: everything, pageSize: 9, cursor: undefined })).traces.every(({ spans }) => spans === 1),
  );
  room.traces.setSettings({ enabled: true, retention: { ageMs: 60_000, bytes: 1000 } });
  for (let n = 3; n < 30; n++) room.traces.sink.keep(span(n));
  const left = (await names(room)).split(',');
  assert.ok(left.length <= 7 && left[0] === '29', left.join());
});

test('where there is too much, usual spans make room for those that somebody will look for', async () => {
  using at = scratch();
  await using room = await openTraceRoom(at.dir, { retention: { ageMs: 86_400_000, bytes: 20_000 } });
  const { sink } = room.traces;
  const called = (n: number, over: Partial<EndedCall> = {}): void => {
    const finished = (): FinishedSpan => span(n, { code: over.code === undefined ? 'OK' : 'INTERNAL' });
    const plain = { traceId: traceId(n), name: 's/Do', traced: false, background: false, reads: false, stream: false, code: 'ok' };
    sink.called({ ...plain, durationMs: 1, finished, ...over });
  };
  for (let n = 1; n <= 20; n++) called(n, { code: 'internal' });
  for (let n = 21; n <= 200; n++) called(n);
  assert.deepEqual(
    (await names(room, { errorsOnly: true })).split(','),
    Array.from({ length: 20 }, (_, n) => `${20 - n}`),
    'a flood of good calls takes none of the failed ones',
  );
  const usual = (await names(room)).split(',').filter((n) => Number(n) > 20);
  assert.ok(usual.length > 20 && usual[0] === '200', 'the newest of the others are there');
  for (let n = 201; n <= 400; n++) called(n, { code: 'internal' });
  const left = (await names(room)).split(',').map(Number);
  assert.ok(left.includes(400) && left.length < 120, 'failed ones give way to newer ones');
  assert.ok(left.filter((n) => n > 20 && n <= 200).length >= 10, 'a share of the usual ones stays');
});

test('a full disk costs spans, counted, and disturbs nobody', async (t) => {
  using tmp = scratch();
  using disk = smallDisk(t, tmp.dir);
  if (!disk) return;
  await using room = await openTraceRoom(disk.dir);
  const ballast = join(disk.dir, 'ballast');
  writeFileSync(ballast, Buffer.alloc(2 * 1024 * 1024));
  const attributes = { pad: 'x'.repeat(1000) };
  for (let n = 0; n < 40 && room.value('sboxagent_spans_dropped_total{disk}') === 0; n++) {
    for (let i = 0; i < 100; i++) room.traces.sink.keep(span(n, { attributes }));
    await assert.doesNotReject(room.traces.list({ filter: everything, pageSize: 1, cursor: undefined }));
  }
  assert.ok(room.value('sboxagent_spans_dropped_total{disk}') > 0);
  rmSync(ballast);
  await eventually(() => room.store.health().status === 'HEALTHY');
  await eventually(async () => {
    room.traces.sink.keep(span(4242));
    return (await names(room)).startsWith('4242');
  });
});

test('a flood of spans is bounded, in memory too', async () => {
  using at = scratch();
  await using room = await openTraceRoom(at.dir);
  for (let n = 0; n < 20_000; n++) room.traces.sink.keep(span(n));
  await room.traces.list({ filter: everything, pageSize: 1, cursor: undefined });
  const stored = room.value('sboxagent_spans_total{}');
  assert.ok(stored >= 2000 && stored <= 4096, String(stored));
  assert.equal(stored + room.value('sboxagent_spans_unsampled_total{}') + room.value('sboxagent_spans_dropped_total{queue}'), 20_000);
});

test('off: nothing is kept', async () => {
  using at = scratch();
  await using room = await openTraceRoom(at.dir);
  room.traces.setSettings({ enabled: false, retention: kept });
  room.traces.sink.keep(span(1));
  assert.equal(await names(room), '');
});
