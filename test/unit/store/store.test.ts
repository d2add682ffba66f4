import assert from 'node:assert/strict';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { systemClock } from '../../../src/kernel/clock.ts';
import { AgentError, RefusedError } from '../../../src/kernel/errors.ts';
import { bootThread } from '../../../src/store/boot-thread.ts';
import { openWriter } from '../../../src/store/database.ts';
import { type EarlyWriter, startWriterEarly } from '../../../src/store/index.ts';
import { eventually, openTestStore, scratch } from '../../helpers/event-room.ts';

const procedures = new URL('../../fixtures/store/counter-procedures.ts', import.meta.url);
const rejects = (reason: string) => (error: unknown) => error instanceof AgentError && error.reason === reason;

test('writes are read back, by this store and the next; the files are private', async () => {
  using tmp = scratch();
  const store = await openTestStore({ dir: tmp.dir, procedures });
  assert.equal(await store.write('numbers', 'add', { n: 5 }), 1);
  for (const suffix of ['', '-wal', '-shm']) assert.equal(statSync(join(tmp.dir, `sboxagent.db${suffix}`)).mode & 0o777, 0o600);
  assert.equal(await store.read('numbers', 'pragma', 'journal_mode'), 'wal');
  await Promise.all([store.stop(), store.stop()]);
  const again = await openTestStore({ dir: tmp.dir, procedures });
  assert.deepEqual(await again.read('numbers', 'all', undefined), [5]);
  assert.deepEqual([again.health().status, again.health().message], ['HEALTHY', '']);
  await again.stop();
  await assert.rejects(again.write('numbers', 'add', { n: 6 }));
});

test('synchronous is FULL also on a database that is opened again', () => {
  using tmp = scratch();
  const path = join(tmp.dir, 'x.db');
  for (const [durability, want] of [
    ['full', 2],
    ['full', 2],
    ['relaxed', 1],
    ['full', 2],
  ] as const) {
    const db = openWriter({ path, durability });
    assert.equal(db.prepare('PRAGMA synchronous').get()?.['synchronous'], want);
    db.close();
  }
});

test('a call that throws undoes itself alone, and its error comes back whole', async () => {
  using tmp = scratch();
  const store = await openTestStore({ dir: tmp.dir, procedures });
  const results = await Promise.allSettled([
    store.write('numbers', 'add', { n: 1 }),
    store.write('numbers', 'addThenThrow', { n: 2 }),
    store.write('numbers', 'add', { n: 1 }),
    store.write('numbers', 'add', { n: 3 }),
    store.write('numbers', 'nothing', {}),
  ]);
  assert.deepEqual(
    results.map((result) => result.status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled', 'rejected'],
  );
  const [, refused, constraint] = results;
  assert.ok(refused?.status === 'rejected' && rejects('EVENT_NOT_FOUND')(refused.reason));
  assert.deepEqual([refused.reason.message, refused.reason.metadata], ['refused 2', { n: '2' }]);
  assert.ok(constraint?.status === 'rejected' && rejects('INTERNAL')(constraint.reason));
  assert.deepEqual(await store.read('numbers', 'all', undefined), [1, 3]);
  assert.equal(store.health().status, 'HEALTHY');
  await store.stop();
});

test('a long read delays no write, and a reader cannot write', async () => {
  using tmp = scratch();
  const store = await openTestStore({ dir: tmp.dir, procedures });
  // Until it has opened the database the writer answers.
  await eventually(async () => (await store.read('numbers', 'thread', undefined)) === 'reader');
  let reading = true;
  const read = store.read('numbers', 'hold', 700).then(() => {
    reading = false;
  });
  await setImmediate();
  await store.write('numbers', 'add', { n: 0 });
  assert.ok(reading, 'the write did not wait for the read');
  await read;
  await assert.rejects(store.read('numbers', 'tryToWrite', undefined));
  await store.stop();
});

test('a reader is there while somebody reads: not before the agent serves, and not long after the last read', async () => {
  using tmp = scratch();
  const serving = Promise.withResolvers<void>();
  let aheadMs = 0;
  const checks: (() => void)[] = [];
  const clock = {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() + aheadMs,
    every(ms: number, fn: () => void) {
      if (ms === 10_000) checks.push(fn);
      return systemClock.every(ms, fn);
    },
  };
  const store = await openTestStore({ dir: tmp.dir, procedures, clock, serving: serving.promise });
  const who = (): Promise<unknown> => store.read('numbers', 'thread', undefined);
  await store.write('numbers', 'add', { n: 7 });
  assert.deepEqual(await store.read('numbers', 'all', undefined), [7]);
  assert.equal(await who(), 'writer');
  serving.resolve();
  await eventually(async () => (await who()) === 'reader');
  assert.deepEqual(await store.read('numbers', 'all', undefined), [7]);
  for (const check of checks) check();
  assert.equal(await who(), 'reader');
  aheadMs = 61_000;
  for (const check of checks) check();
  assert.equal(await who(), 'writer', 'it ended');
  assert.deepEqual(await store.read('numbers', 'all', undefined), [7]);
  await eventually(async () => (await who()) === 'reader');
  await store.stop();
});

test('the queue is bounded: what is too much is refused at once and told when to come back', async () => {
  using tmp = scratch();
  const store = await openTestStore({ dir: tmp.dir, procedures });
  const held = store.write('numbers', 'hold', 300);
  const calls = Array.from({ length: 5000 }, (_, n) => store.write('numbers', 'add', { n }));
  const refused = (await Promise.allSettled(calls)).filter((result) => result.status === 'rejected');
  await held;
  assert.equal(refused.length, 5000 - 4095);
  assert.ok(refused.every(({ reason }) => rejects('INGEST_OVERLOADED')(reason) && reason.retryAfterMs > 0));
  const big = await Promise.allSettled([store.write('numbers', 'add', { n: -1 }, 40_000), store.write('numbers', 'add', { n: -2 }, 1)]);
  assert.deepEqual(
    big.map((result) => result.status),
    ['fulfilled', 'rejected'],
  );
  await store.stop();
});

test('a thread that dies is told and started again', async () => {
  using tmp = scratch();
  const store = await openTestStore({ dir: tmp.dir, procedures });
  const seen: string[] = [];
  store.onHealth((health) => seen.push(health.status));
  await store.write('numbers', 'die', undefined).catch(() => {});
  await eventually(() => seen[0] === 'UNHEALTHY');
  await assert.rejects(store.write('numbers', 'add', { n: 1 }), rejects('JOURNAL_UNAVAILABLE'));
  await eventually(() => seen[1] === 'HEALTHY');
  assert.equal(await store.write('numbers', 'add', { n: 1 }), 1);
  await store.stop();
});

test('a database of a newer version, and a path that is none, are refused', async () => {
  using tmp = scratch();
  await (await openTestStore({ dir: tmp.dir, procedures })).stop();
  const db = new DatabaseSync(join(tmp.dir, 'sboxagent.db'));
  db.exec("UPDATE store_schema SET version = 9 WHERE room = 'numbers'");
  db.close();
  await assert.rejects(
    openTestStore({ dir: tmp.dir, procedures }),
    (error) => error instanceof RefusedError && /newer version/.test(error.message),
  );
  await assert.rejects(openTestStore({ dir: '/proc/none', procedures }), RefusedError);
});

test('the ageing time follows the uptime within a boot, and never goes back at the next one', async () => {
  using tmp = scratch();
  let wallMs = 1_000_000;
  let uptimeMs = 500;
  const clock = { ...systemClock, wallMs: () => wallMs };
  const open = (id: string) => openTestStore({ dir: tmp.dir, procedures, clock, boot: { id, uptimeMs: () => uptimeMs } });
  const near = (value: number, want: number): void => assert.ok(value >= want && value < want + 400, `${value}, not ${want}`);
  const first = await open('boot-a');
  near(first.ageing.nowMs(), 1_000_000);
  await first.stop();
  wallMs = 9e12;
  uptimeMs += 5000;
  const second = await open('boot-a');
  near(second.ageing.nowMs(), 1_005_000);
  await second.stop();
  wallMs = 0;
  const third = await open('boot-b');
  near(third.ageing.nowMs(), 1_000_000);
  await third.stop();
});

test('a thread that gave its memory back goes on writing, and its heap is small again', async () => {
  using tmp = scratch();
  const store = await openTestStore({ dir: tmp.dir, procedures });
  const young = (): Promise<number> => store.write('numbers', 'young', undefined);
  for (let i = 0; i < 20 && (await young()) < 2 << 20; i++) await store.write('numbers', 'litter', undefined);
  assert.ok((await young()) >= 2 << 20);
  store.giveMemoryBack();
  assert.ok((await young()) <= 1 << 20);
  assert.equal(await store.write('numbers', 'add', { n: 7 }), 1);
  assert.deepEqual(await store.read('numbers', 'all', undefined), [7]);
  await store.stop();
  store.giveMemoryBack();
});

test('a thread that booted before its options were known takes them; one that has ended meanwhile is left alone', async () => {
  using tmp = scratch();
  const options = { path: join(tmp.dir, 'sboxagent.db'), durability: 'full', procedures: procedures.href } as const;
  const booted = bootThread('writer');
  await once(booted, 'online');
  const store = await openTestStore({ dir: tmp.dir, procedures, early: startWriterEarly(options, booted) });
  assert.equal(await store.write('numbers', 'add', { n: 5 }), 1);
  const ended = once(booted, 'exit');
  await store.stop();
  await ended;
  const again = await openTestStore({ dir: tmp.dir, procedures, early: startWriterEarly(options, booted) });
  assert.deepEqual(await again.read('numbers', 'all', undefined), [5]);
  await again.stop();
});

test('a thread that was started before writes for the store; one that ended meanwhile is replaced, and one that is refused refuses the store', async () => {
  using tmp = scratch();
  const path = join(tmp.dir, 'sboxagent.db');
  const early = (place = path) => startWriterEarly({ path: place, durability: 'full', procedures: procedures.href });
  const store = await openTestStore({ dir: tmp.dir, procedures, early: early() });
  assert.equal(await store.write('numbers', 'add', { n: 5 }), 1);
  await store.write('numbers', 'die', undefined).catch(() => {});
  await eventually(async () => (await store.write('numbers', 'add', { n: 6 }).catch(() => 0)) === 2);
  await store.stop();
  const gone: EarlyWriter = { take: async () => undefined };
  const again = await openTestStore({ dir: tmp.dir, procedures, early: gone });
  assert.deepEqual(await again.read('numbers', 'all', undefined), [5, 6]);
  await again.stop();
  const refused = early('/proc/none/x.db');
  await setImmediate();
  await assert.rejects(openTestStore({ dir: tmp.dir, procedures, early: refused }), RefusedError);
});
