/** What the log store holds: pages, sources, files and followers, each with its bound. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { systemClock } from '../../src/kernel/clock.ts';
import type { LogEntry, OpenLogs, TailItem } from '../../src/logs/index.ts';
import { allEntries, eventually, openLogRoom } from '../helpers/log-room.ts';

const total = 'sboxagent_log_lines_total';
const line = (source: string, message: string): Parameters<OpenLogs['ingest']>[0] => ({
  ...{ timeMs: systemClock.wallMs(), source, level: 'INFO', message, stream: 'STDOUT', pid: 1, traceId: '', spanId: '', fields: undefined },
});
const directorySize = (dir: string): number =>
  readdirSync(dir).reduce((sum, name) => sum + (statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0), 0);

test('old files are plain gzip, read block by block in both orders, and a page starts where its cursor says', async () => {
  const room = await openLogRoom({ maxBytesPerSource: 8 << 20, files: 4 });
  try {
    const written = 30_000;
    for (let n = 0; n < written; n++) {
      room.logs.ingest(line('unit', `line ${n} ${'x'.repeat(100)}`));
      if (n % 2000 === 1999) await eventually(() => room.counted.value(total, 'unit') > n);
    }
    const dir = join(room.dir, 'logs', 'unit');
    const packed = (): string[] => readdirSync(dir).filter((name) => name.endsWith('.ndjson.gz'));
    await eventually(() => packed().length >= 2);
    const plain = execFileSync('zcat', [join(dir, packed()[0] ?? '')], { maxBuffer: 1 << 26 }).toString();
    assert.equal(JSON.parse(plain.slice(0, plain.indexOf('\n'))).m, `line 0 ${'x'.repeat(100)}`);
    const all = await allEntries(room.logs);
    assert.deepEqual(
      all.map(({ message }) => Number(message.split(' ')[1])),
      Array.from({ length: written }, (_, n) => n),
    );
    const back = await allEntries(room.logs, { order: 'desc' });
    assert.deepEqual(back, all.toReversed());
    for (const n of [0, 1, 4321, 15_000, written - 2]) {
      const cursor = all[n]?.seq ?? 0;
      assert.equal((await allEntries(room.logs, { pageSize: 1, cursor }))[0]?.seq, all[n + 1]?.seq);
      assert.equal((await allEntries(room.logs, { pageSize: 1, cursor, order: 'desc' }))[0]?.seq, all[n - 1]?.seq);
    }
    const reopened = await room.reopen();
    assert.equal((await allEntries(reopened)).length, written);
  } finally {
    await room.close();
  }
});

test('a compressed file of an earlier version is read as before', async () => {
  const room = await openLogRoom();
  try {
    await room.logs.stop();
    const dir = join(room.dir, 'logs', 'old');
    mkdirSync(dir);
    const text = Array.from({ length: 500 }, (_, n) => `{"s":${n + 1},"t":1,"l":2,"m":"old ${n}"}\n`).join('');
    writeFileSync(join(dir, '0000000000000001.ndjson.gz'), gzipSync(text));
    const logs = await room.reopen();
    const all = await allEntries(logs, { filter: { sources: ['old'] } });
    assert.deepEqual([all.length, all[0]?.message, all.at(-1)?.message], [500, 'old 0', 'old 499']);
    assert.equal((await allEntries(logs, { pageSize: 1, order: 'desc', cursor: 100 }))[0]?.seq, 99);
  } finally {
    await room.close();
  }
});

test('a page ends at 1 MiB, whatever lines and fields weigh, and the next one goes on', async () => {
  const room = await openLogRoom();
  try {
    const fields = { list: Array.from({ length: 7000 }, () => 1) };
    for (let n = 0; n < 100; n++) room.logs.ingest({ ...line('fat', `${n} ${'é'.repeat(8000)}`), fields });
    await eventually(() => room.counted.value(total, 'fat') === 100);
    const sizes: number[] = [];
    let cursor: number | undefined;
    let count = 0;
    do {
      const page: Awaited<ReturnType<OpenLogs['list']>> = await room.logs.list({
        ...{ order: 'asc', pageSize: 1000, filter: { sources: ['fat'] } },
        ...(cursor !== undefined && { cursor }),
      });
      sizes.push(page.entries.reduce((sum, entry) => sum + Buffer.byteLength(entry.message) + 11 * 7000, 0));
      count += page.entries.length;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    assert.equal(count, 100);
    assert.ok(sizes.length > 5 && Math.max(...sizes) <= 1 << 20, sizes.join());
    const stop = new AbortController();
    const tail = room.logs.tail({ lines: 0, afterCursor: 0, idleEveryMs: 1000, signal: stop.signal, filter: { sources: ['fat'] } });
    let followed = 0;
    for await (const item of tail) {
      assert.ok(item.entries.length < 15);
      followed += item.entries.length;
      if (followed === 100) stop.abort();
    }
  } finally {
    await room.close();
  }
});

test('a search whose caller has left ends', async () => {
  const room = await openLogRoom();
  try {
    for (let n = 0; n < 2000; n++) room.logs.ingest(line('unit', `line ${n}`));
    await eventually(() => room.counted.value(total, 'unit') === 2000);
    const stop = new AbortController();
    const searching = room.logs.list({ order: 'desc', pageSize: 10, filter: { text: 'nowhere' }, signal: stop.signal });
    stop.abort(new Error('left'));
    await assert.rejects(searching, /left/);
  } finally {
    await room.close();
  }
});

test('the limit of a source holds while it floods', async () => {
  const maxBytesPerSource = 400_000;
  const room = await openLogRoom({ maxBytesPerSource, files: 4 });
  try {
    const dir = join(room.dir, 'logs', 'flood');
    const flooding = room.logs.collect({ source: 'flood', pid: 1, ...room.spools('flood') });
    writeFileSync(join(room.dir, 'flood.stdout'), 'f'.repeat(99).concat('\n').repeat(80_000), { flag: 'a' });
    let most = 0;
    const stop = systemClock.every(5, () => {
      if (existsSync(dir)) most = Math.max(most, directorySize(dir));
    });
    await flooding.drain();
    stop();
    // Beside the limit: the batch that was just appended, and a copy that is being compressed.
    assert.ok(most > 0 && most <= maxBytesPerSource * 1.3, `${most} bytes`);
    assert.equal(room.counted.value(total, 'flood'), 80_000);
  } finally {
    await room.close();
  }
});

test('a follower is given or told of every line, exactly, while files are rotated away under it', { timeout: 60_000 }, async () => {
  for (const readMs of [0, 1, 4]) {
    const room = await openLogRoom({ maxBytesPerSource: 60_000, files: 3 });
    try {
      const stop = new AbortController();
      const spools = room.spools('fast');
      const collection = room.logs.collect({ source: 'fast', pid: 1, ...spools });
      const seen: number[] = [];
      let dropped = 0;
      const take = async (item: TailItem): Promise<void> => {
        seen.push(...item.entries.map((entry: LogEntry) => Number(entry.message.split(' ')[0])));
        dropped += item.dropped?.count ?? 0;
        if (readMs > 0) await systemClock.sleep(readMs);
      };
      const following = (async () => {
        for await (const item of room.logs.tail({ lines: 0, idleEveryMs: 100, signal: stop.signal, afterCursor: 0 })) await take(item);
      })();
      const written = 24_000;
      for (let n = 0; n < written; n += 2000) {
        const text = Array.from({ length: 2000 }, (_, i) => `${n + i} ${'z'.repeat(80)}\n`).join('');
        writeFileSync(spools.stdoutPath, text, { flag: 'a' });
        await systemClock.sleep(10);
      }
      await collection.drain();
      await eventually(() => seen.length + dropped >= written);
      await systemClock.sleep(50);
      stop.abort();
      await following;
      assert.equal(seen.length + dropped, written, `${seen.length} + ${dropped}`);
      assert.deepEqual(
        seen,
        [...new Set(seen)].sort((a, b) => a - b),
      );
    } finally {
      await room.close();
    }
  }
});

test('sources that are gone make room for new ones; what is being written to stays', { timeout: 60_000 }, async () => {
  const room = await openLogRoom();
  try {
    const spools = room.spools('steady');
    const collection = room.logs.collect({ source: 'steady', pid: 1, ...spools });
    writeFileSync(spools.stdoutPath, 'first\n', { flag: 'a' });
    await eventually(() => room.counted.value(total, 'steady') === 1);
    for (let n = 0; n < 1020; n++) {
      room.logs.ingest(line(`inline-${n}`, `hello ${n}`));
      if (n % 50 === 49) await eventually(() => room.counted.value(total, `inline-${n}`) === 1);
    }
    await eventually(() => room.counted.value(total, 'inline-1019') === 1);
    for (let n = 0; n < 1020; n++) assert.equal(room.counted.value('sboxagent_log_lines_dropped_total', `inline-${n}`), 0);
    const kept = readdirSync(join(room.dir, 'logs'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    assert.ok(kept.length <= 1000, `${kept.length} directories`);
    writeFileSync(spools.stdoutPath, 'second\n', { flag: 'a' });
    await collection.drain();
    const lines = (await allEntries(room.logs, { filter: { sources: ['steady'] } })).map(({ message }) => message);
    assert.deepEqual(lines, ['first', 'second']);
    assert.equal((await allEntries(room.logs, { filter: { sources: ['inline-1019'] } })).length, 1);
  } finally {
    await room.close();
  }
});

test('what is over the retention is forgotten with its directory', async () => {
  let passedMs = 0;
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs };
  const keep = { retentionMs: 60_000, maxBytesPerSource: 1 << 20, files: 4 };
  const room = await openLogRoom({ clock, ...keep });
  try {
    room.logs.ingest(line('gone', 'x'));
    await eventually(() => room.counted.value(total, 'gone') === 1);
    passedMs = 120_000;
    room.logs.setRetention(keep);
    assert.ok(await eventually(() => !existsSync(join(room.dir, 'logs', 'gone'))));
    room.logs.ingest(line('gone', 'y'));
    await eventually(() => room.counted.value(total, 'gone') === 2);
    assert.deepEqual(
      (await allEntries(room.logs)).map(({ message }) => message),
      ['y'],
    );
    assert.ok(readFileSync(join(room.dir, 'logs', 'gone', readdirSync(join(room.dir, 'logs', 'gone'))[0] ?? '')).length > 0);
  } finally {
    await room.close();
  }
});
