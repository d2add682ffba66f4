import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../src/kernel/clock.ts';
import type { FeedReader } from '../../../src/kernel/feed.ts';
import type { OpenLogs, TailItem } from '../../../src/logs/index.ts';
import { eventually, openLogRoom } from '../../helpers/log-room.ts';

const codec = { encode: (item: TailItem) => ({ item }) };
type Frame = ReturnType<typeof codec.encode>;
type Options = Partial<Parameters<OpenLogs['feed']>[0]>;

function join(
  logs: OpenLogs,
  options: Options = {},
  room = Number.POSITIVE_INFINITY,
): { frames: Frame[]; reader: FeedReader; lines(): string[] } {
  const frames: Frame[] = [];
  const sink = { write: (frame: Frame) => frames.push(frame) < room, end: () => assert.fail('the feed ended') };
  const reader = logs.feed({ lines: 0, idleEveryMs: 60_000, ...options }).join(codec, sink);
  return { frames, reader, lines: () => frames.flatMap(({ item }) => item.entries.map(({ message }) => message)) };
}
const say = (logs: OpenLogs, source: string, message: string): void =>
  logs.ingest({
    ...{
      timeMs: systemClock.wallMs(),
      source,
      level: 'INFO',
      message,
      stream: 'STDOUT',
      pid: 1,
      traceId: '',
      spanId: '',
      fields: undefined,
    },
  });
const range = (count: number): string[] => Array.from({ length: count }, (_, n) => `line ${n}`);

test('who keeps up is pushed one frame for all of one filter; who is behind delays nobody and gets the rest when it resumes', async () => {
  const room = await openLogRoom();
  try {
    const quick = [join(room.logs), join(room.logs)];
    const other = join(room.logs, { filter: { sources: ['b'] } });
    const slow = join(room.logs, {}, 2);
    for (const line of range(50)) {
      say(room.logs, 'a', line);
      await systemClock.sleep(1);
    }
    say(room.logs, 'b', 'for the other');
    await eventually(() => quick[0]?.lines().length === 51);
    assert.deepEqual(quick[0]?.lines(), [...range(50), 'for the other']);
    for (let i = 1; i < (quick[0]?.frames.length ?? 0); i++) assert.equal(quick[0]?.frames[i], quick[1]?.frames[i]);
    assert.deepEqual(other.lines(), ['for the other']);
    assert.equal(slow.frames.length, 2);
    for (let tries = 0; tries < 60 && slow.lines().length < 51; tries++) slow.reader.resume();
    assert.deepEqual(slow.lines(), quick[0]?.lines());
    for (const { reader } of [...quick, other, slow]) reader.leave();
    say(room.logs, 'a', 'nobody hears it');
    await eventually(() => room.counted.value('sboxagent_log_lines_total', 'a') === 51);
    assert.equal(quick[0]?.lines().length, 51);
  } finally {
    await room.close();
  }
});

test('the first item comes at once: a backlog, or a cursor; a last word says where to resume', async () => {
  const room = await openLogRoom();
  try {
    for (const line of range(5)) say(room.logs, 'a', line);
    await eventually(() => room.counted.value('sboxagent_log_lines_total', 'a') === 5);
    const bare = join(room.logs);
    assert.deepEqual([bare.frames.length, bare.lines()], [1, []]);
    const backlog = join(room.logs, { lines: 2 });
    await eventually(() => backlog.frames.length > 0);
    assert.deepEqual(backlog.lines(), ['line 3', 'line 4']);
    const cursor = bare.frames[0]?.item.cursor ?? 0;
    bare.reader.finish();
    assert.deepEqual(
      bare.frames.map(({ item }) => item.cursor),
      [cursor, cursor],
    );
    assert.throws(() => join(room.logs, { afterCursor: cursor + 1 }), { reason: 'CURSOR_INVALID' });
  } finally {
    await room.close();
  }
});

test('what is idle is told so by one ticker', async () => {
  const room = await openLogRoom();
  try {
    const idle = join(room.logs, { idleEveryMs: 300 });
    await eventually(() => idle.frames.length >= 2);
    assert.deepEqual(idle.lines(), []);
  } finally {
    await room.close();
  }
});
