import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../src/kernel/clock.ts';
import { AgentError } from '../../../src/kernel/errors.ts';
import type { OpenLogs, TailItem } from '../../../src/logs/index.ts';
import { allEntries, eventually, type LogRoom, openLogRoom } from '../../helpers/log-room.ts';

const own = (logs: OpenLogs, message: string, fields = {}): void =>
  logs.ingestOwn({ timeMs: systemClock.wallMs(), level: 'INFO', message, traceId: '', spanId: '', fields });
const messages = async (logs: OpenLogs, query: Partial<Parameters<OpenLogs['list']>[0]> = {}): Promise<string[]> =>
  (await allEntries(logs, query)).map((entry) => entry.message);
const stored = (room: LogRoom, count: number, source = 'agent'): Promise<boolean> =>
  eventually(
    () =>
      room.counted.value('sboxagent_log_lines_total', source) + room.counted.value('sboxagent_log_lines_dropped_total', source) >= count,
  );
const numbered = (count: number, start = 0): string[] => Array.from({ length: count }, (_, n) => `line ${n + start} ${'x'.repeat(60)}`);
const follow = (logs: OpenLogs, options: Partial<Parameters<OpenLogs['tail']>[0]>, stop: AbortController): AsyncIterator<TailItem> =>
  logs.tail({ lines: 0, idleEveryMs: 10_000, signal: stop.signal, ...options })[Symbol.asyncIterator]();

test('own lines are masked, kept with their ids, and listed in both orders by pages', async () => {
  const room = await openLogRoom();
  try {
    for (const text of ['a password=1', 'b', 'c', 'd', 'e']) own(room.logs, text, { token: 'secret', n: 1 });
    await stored(room, 5);
    const { entries } = await room.logs.list({ order: 'asc', pageSize: 10 });
    assert.deepEqual(entries[0]?.fields, { token: '***', n: 1 });
    assert.equal(entries[0]?.message, 'a password=***');
    assert.equal(entries[0]?.source, 'agent');
    for (const order of ['asc', 'desc'] as const) {
      const seen: string[] = [];
      for (let cursor: number | undefined = 0, first = true; cursor !== undefined; first = false) {
        const page = await room.logs.list({ order, pageSize: 2, ...(first ? {} : { cursor }) });
        seen.push(...page.entries.map((entry) => entry.message.slice(0, 1)));
        cursor = page.nextCursor;
      }
      assert.equal(seen.join(''), order === 'asc' ? 'abcde' : 'edcba');
    }
    await assert.rejects(room.logs.list({ order: 'asc', pageSize: 1, cursor: Number.NaN }), AgentError);
  } finally {
    await room.close();
  }
});

test('files rotate, old ones are compressed, the oldest go, and every order reads across them', async () => {
  const room = await openLogRoom({ maxBytesPerSource: 40_000, files: 4 });
  try {
    for (let start = 0; start < 2000; start += 50) {
      for (const line of numbered(50, start)) own(room.logs, line);
      await stored(room, start + 50);
    }
    const dir = join(room.dir, 'logs', 'agent');
    await eventually(() => readdirSync(dir).length <= 4 && readdirSync(dir).filter((name) => name.endsWith('.ndjson')).length === 1);
    const names = readdirSync(dir).sort();
    assert.ok(
      names.slice(0, -1).every((name) => name.endsWith('.ndjson.gz')),
      names.join(),
    );
    assert.ok(names.reduce((sum, name) => sum + statSync(join(dir, name)).size, 0) <= 40_000);
    assert.equal(statSync(join(dir, names[0] ?? '')).mode & 0o777, 0o600);
    const kept = await messages(room.logs);
    assert.deepEqual(kept, numbered(2000).slice(-kept.length));
    assert.ok(kept.length >= 200 && kept.length < 2000, String(kept.length));
    assert.deepEqual(await messages(room.logs, { order: 'desc' }), kept.toReversed());
    assert.deepEqual(
      await messages(room.logs, { order: 'desc', pageSize: 3, filter: { text: 'LINE 199' } }),
      ['9', '8', '7'].map((n) => numbered(1, Number(`199${n}`))[0]),
    );
    const entries = await allEntries(room.logs);
    for (const at of [0, 1, 17, Math.floor(entries.length / 2), entries.length - 2]) {
      const cursor = entries[at]?.seq ?? 0;
      assert.equal((await messages(room.logs, { pageSize: 1, cursor }))[0], kept[at + 1]);
      assert.deepEqual(await messages(room.logs, { order: 'desc', pageSize: 1, cursor }), at === 0 ? [] : [kept[at - 1]]);
    }
    await room.reopen();
    assert.deepEqual(await messages(room.logs), kept);
    room.logs.setRetention({ retentionMs: 3_600_000, maxBytesPerSource: 40_000, files: 1 });
    await eventually(() => readdirSync(dir).length === 1);
  } finally {
    await room.close();
  }
});

test('seq rises over sources and restarts, also when everything stored is gone or the end is torn', async () => {
  const room = await openLogRoom();
  const last = async (): Promise<number> => (await room.logs.list({ order: 'desc', pageSize: 1 })).entries[0]?.seq ?? 0;
  try {
    for (const line of numbered(10)) own(room.logs, line);
    await stored(room, 10);
    const before = await last();
    await room.reopen();
    own(room.logs, 'after');
    await stored(room, 11);
    assert.equal(await last(), before + 1);
    await room.logs.stop();
    const [name] = readdirSync(join(room.dir, 'logs', 'agent'));
    appendFileSync(join(room.dir, 'logs', 'agent', name ?? ''), '{"s":99,"t":1,"m":"to');
    await room.reopen();
    own(room.logs, 'whole');
    await stored(room, 12);
    assert.deepEqual(await messages(room.logs), [...numbered(10), 'after', 'whole']);
    assert.equal(await last(), before + 2);
    await room.logs.stop();
    rmSync(join(room.dir, 'logs', 'agent'), { recursive: true });
    await room.reopen();
    own(room.logs, 'new');
    await stored(room, 13);
    assert.ok((await last()) > before + 2);
  } finally {
    await room.close();
  }
});

test('what is older than the retention goes, by a clock that does not jump', async () => {
  let jumpMs = 0;
  let passedMs = 0;
  const clock = {
    ...systemClock,
    wallMs: () => systemClock.wallMs() + jumpMs + passedMs,
    monotonicMs: () => systemClock.monotonicMs() + passedMs,
  };
  const keep = { retentionMs: 60_000, maxBytesPerSource: 1 << 20, files: 4 };
  const room = await openLogRoom({ clock, ...keep });
  try {
    own(room.logs, 'old');
    await stored(room, 1);
    jumpMs = 365 * 86_400_000;
    room.logs.setRetention(keep);
    await systemClock.sleep(50);
    assert.deepEqual(await messages(room.logs), ['old']);
    passedMs = 61_000;
    room.logs.setRetention(keep);
    assert.ok(await eventually(async () => (await messages(room.logs)).length === 0));
    own(room.logs, 'new');
    await stored(room, 2);
    assert.deepEqual(await messages(room.logs), ['new']);
  } finally {
    await room.close();
  }
});

test('a disk that refuses drops lines with a count and one warning, and recovers by itself', async () => {
  const room = await openLogRoom();
  try {
    // A file where the directory of the source should be refuses like a disk does.
    writeFileSync(join(room.dir, 'logs', 'agent'), '');
    for (let n = 0; n < 3; n++) {
      own(room.logs, 'lost');
      await stored(room, n + 1);
    }
    assert.equal(room.counted.value('sboxagent_log_lines_dropped_total', 'agent'), 3);
    assert.equal(room.logs.health().status, 'DEGRADED');
    assert.equal(room.logger.lines.length, 1);
    rmSync(join(room.dir, 'logs', 'agent'));
    own(room.logs, 'kept');
    await stored(room, 4);
    assert.equal(room.logs.health().status, 'HEALTHY');
    assert.deepEqual(await messages(room.logs), ['kept']);
  } finally {
    await room.close();
  }
});

test('a tail gives its backlog, then what comes, and an empty item when nothing does; it ends with its signal', async () => {
  const room = await openLogRoom();
  const stop = new AbortController();
  try {
    for (const line of numbered(5)) own(room.logs, line);
    await stored(room, 5);
    const tail = follow(room.logs, { lines: 2, idleEveryMs: 30 }, stop);
    const first = (await tail.next()).value as TailItem;
    assert.deepEqual(
      first.entries.map((entry) => entry.message),
      numbered(2, 3),
    );
    const idle = (await tail.next()).value as TailItem;
    assert.deepEqual(idle, { entries: [], cursor: first.cursor });
    own(room.logs, 'live');
    const live = (await tail.next()).value as TailItem;
    assert.deepEqual(
      live.entries.map((entry) => entry.message),
      ['live'],
    );
    assert.equal(live.cursor, live.entries[0]?.seq);
    const pending = tail.next();
    stop.abort();
    assert.equal((await pending).done, true);
  } finally {
    stop.abort();
    await room.close();
  }
});

test('a tail resumes without hole or repeat: from the ring, from the files, over rotation and a restart', async () => {
  const room = await openLogRoom({ maxBytesPerSource: 4 << 20, files: 8 });
  const stop = new AbortController();
  try {
    const total = 9000;
    for (const line of numbered(6000)) own(room.logs, line);
    await stored(room, 6000);
    await room.reopen();
    for (const line of numbered(3000, 6000)) own(room.logs, line);
    await stored(room, total);
    const first = (await room.logs.list({ order: 'asc', pageSize: 1 })).entries[0]?.seq ?? 0;
    const tail = follow(room.logs, { afterCursor: first }, stop);
    const seen: string[] = [];
    let cursor = 0;
    while (seen.length < total - 1 && seen.length < 5200) {
      const { entries, cursor: at } = (await tail.next()).value as TailItem;
      seen.push(...entries.map((entry) => entry.message));
      cursor = at;
    }
    const again = follow(room.logs, { afterCursor: cursor }, stop);
    while (seen.length < total - 1) seen.push(...((await again.next()).value as TailItem).entries.map((entry) => entry.message));
    assert.deepEqual(seen, numbered(total - 1, 1));
  } finally {
    stop.abort();
    await room.close();
  }
});

test('a cursor beyond the newest is refused before the first item', async () => {
  const room = await openLogRoom();
  const stop = new AbortController();
  try {
    own(room.logs, 'one');
    await stored(room, 1);
    for (const afterCursor of [99_999_999, -1, 0.5]) {
      await assert.rejects(
        follow(room.logs, { afterCursor }, stop).next(),
        (error) => error instanceof AgentError && error.reason === 'CURSOR_INVALID',
      );
    }
    const tail = follow(room.logs, { afterCursor: 0 }, stop);
    assert.deepEqual((await tail.next()).value.entries, []);
    assert.equal((await tail.next()).value.entries.length, 1);
  } finally {
    stop.abort();
    await room.close();
  }
});

test('what a reader that stands still loses to rotation is told to it: kept + dropped = written', async () => {
  const room = await openLogRoom({ maxBytesPerSource: 40_000, files: 4 });
  const stop = new AbortController();
  try {
    const tail = follow(room.logs, { filter: { sources: ['agent'] } }, stop);
    await tail.next();
    const total = 8000;
    for (let start = 0; start < total; start += 200) {
      for (const line of numbered(200, start)) own(room.logs, line);
      await stored(room, start + 200);
    }
    let kept = 0;
    let dropped = 0;
    while (kept + dropped < total) {
      const item = (await tail.next()).value as TailItem;
      kept += item.entries.length;
      dropped += item.dropped?.count ?? 0;
      assert.equal(item.dropped?.source ?? 'agent', 'agent');
    }
    assert.ok(dropped > 0 && kept > 0, `${kept} kept, ${dropped} dropped`);
    assert.equal(kept + dropped, total);
  } finally {
    stop.abort();
    await room.close();
  }
});

test('settled: what was taken before can be listed, also while more comes all the time', async () => {
  const room = await openLogRoom();
  try {
    await room.logs.settled();
    let more = true;
    const flood = (): void => {
      own(room.logs, 'more');
      if (more) setImmediate(flood);
    };
    flood();
    for (let n = 0; n < 10; n++) {
      own(room.logs, `line ${n}`);
      await room.logs.settled();
      const { entries } = await room.logs.list({ order: 'desc', pageSize: 100, filter: { text: `line ${n}` } });
      assert.equal(entries.length, 1);
    }
    more = false;
  } finally {
    await room.close();
  }
});
