import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backlogEvents, createEmitter } from '../../../src/events/emitter.ts';
import type { FreshEvent, MeasuredEvent } from '../../../src/events/record.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { AgentError } from '../../../src/kernel/errors.ts';
import { eventually, silentLogger } from '../../helpers/event-room.ts';

const clock = { ...systemClock, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 50, signal) };

function setUp(refuse: (attempt: number) => Error | undefined) {
  const stored: string[] = [];
  const lost = new Map<string, number>();
  let attempt = 0;
  const emitter = createEmitter({
    clock,
    logger: silentLogger,
    dropped: (count, reason) => void lost.set(reason, (lost.get(reason) ?? 0) + count),
    append: async (events) => {
      const error = refuse(++attempt);
      if (error) throw error;
      stored.push(...events.map(({ event }) => event.id));
      return [];
    },
  });
  return { emitter, stored, lost };
}

const event = (n: number): MeasuredEvent => ({ event: { id: String(n) } as FreshEvent, wireBytes: 1 });
const full = new AgentError('JOURNAL_FULL', 'full');

test('what the disk refuses goes in later, in order', async () => {
  const { emitter, stored, lost } = setUp((attempt) => (attempt < 4 ? full : undefined));
  for (let n = 0; n < 1000; n++) emitter.emit(event(n));
  await eventually(() => stored.length === 1000);
  assert.deepEqual(
    stored,
    Array.from({ length: 1000 }, (_, n) => String(n)),
  );
  assert.equal(lost.size, 0);
  await emitter.stop(100);
});

test('what can never go in is dropped and counted, and the rest goes on', async () => {
  const { emitter, stored, lost } = setUp((attempt) => (attempt === 1 ? new AgentError('INTERNAL', 'no') : undefined));
  emitter.emit(event(1));
  await eventually(() => lost.get('refused') === 1);
  emitter.emit(event(2));
  await eventually(() => stored.join() === '2');
  await emitter.stop(100);
});

test('the backlog is bounded, and what is left at the stop is counted', async () => {
  const { emitter, lost } = setUp(() => full);
  for (let n = 0; n < backlogEvents + 5; n++) emitter.emit(event(n));
  assert.equal(lost.get('backlog_full'), 5);
  await Promise.all([emitter.stop(50), emitter.stop(50)]);
  assert.equal(lost.get('stopped'), backlogEvents);
  emitter.emit(event(0));
  assert.equal(lost.get('stopped'), backlogEvents + 1);
});

test('who waits for what was emitted is answered when it is on disk, and at once while the disk refuses', async () => {
  let broken = false;
  const { emitter, stored } = setUp(() => (broken ? full : undefined));
  await emitter.written();
  for (let n = 0; n < 600; n++) emitter.emit(event(n));
  await emitter.written();
  assert.equal(stored.length, 600);
  broken = true;
  emitter.emit(event(600));
  await emitter.written();
  await emitter.written();
  assert.deepEqual([stored.length, emitter.waiting()], [600, 1]);
  broken = false;
  await eventually(() => emitter.waiting() === 0);
  emitter.emit(event(601));
  await emitter.written();
  assert.equal(stored.at(-1), '601');
  await emitter.stop(100);
});
