import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import type { OpenLogs } from '../../src/logs/index.ts';
import { allEntries, eventually, type LogRoom, openLogRoom } from '../helpers/log-room.ts';

type Spools = ReturnType<LogRoom['spools']>;

/** A shell that writes to the spools as a supervised process does: by descriptors that append. */
function shell(script: string, spools: Spools): ChildProcess {
  const stdout = openSync(spools.stdoutPath, 'a');
  const stderr = openSync(spools.stderrPath, 'a');
  const child = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', stdout, stderr] });
  closeSync(stdout);
  closeSync(stderr);
  return child;
}

const follow = (logs: OpenLogs, spools: Spools, source = 'unit') => logs.collect({ source, pid: 4711, ...spools });
const entries = (logs: OpenLogs, source = 'unit') => allEntries(logs, { filter: { sources: [source] } });
const messages = async (logs: OpenLogs, source = 'unit'): Promise<string[]> => (await entries(logs, source)).map((entry) => entry.message);
const range = (count: number, start = 1): string[] => Array.from({ length: count }, (_, n) => String(n + start));

test('a flood of 20,000 lines of a real child is stored once and in order', async () => {
  const room = await openLogRoom();
  try {
    const spools = room.spools('flood');
    const collection = follow(room.logs, spools);
    const seen: string[] = [];
    collection.onLine((line) => seen.push(line));
    const child = shell('seq 1 20000; echo end >&2', spools);
    const [code] = await once(child, 'exit');
    await collection.drain();
    assert.equal(code, 0);
    const all = await entries(room.logs);
    assert.deepEqual(
      all.filter((entry) => entry.stream === 'STDOUT').map((entry) => entry.message),
      range(20_000),
    );
    assert.deepEqual(
      all.filter((entry) => entry.stream === 'STDERR').map((entry) => entry.message),
      ['end'],
    );
    assert.equal(seen.length, 20_001);
    assert.equal(room.counted.value('sboxagent_log_lines_total', 'unit'), 20_001);
    assert.equal(all[0]?.pid, 4711);
    assert.equal(statSync(spools.stdoutPath).size, 0, 'the spool is freed');
    assert.equal(existsSync(`${spools.stdoutPath}.offset`), false);
    assert.deepEqual(collection.lastLines(3).length, 3);
  } finally {
    await room.close();
  }
});

test('lines are clean, masked, parsed, cut; a half line waits for its end or for the drain', async () => {
  const room = await openLogRoom();
  try {
    const spools = room.spools('forms');
    const collection = room.logs.collect({
      source: 'unit',
      pid: 1,
      ...spools,
      parse: (line) => {
        if (line.startsWith('boom')) throw new Error('a parser that fails');
        return line.startsWith('WARN ') ? { level: 'WARN', message: line.slice(5), fields: { token: 'x' } } : {};
      },
    });
    const late: string[] = [];
    appendFileSync(spools.stdoutPath, '\u001b[33mWARN password=1 \u001b[0mthere\nboom\n');
    const halfMs = performance.now();
    appendFileSync(spools.stderrPath, `${'y'.repeat(40_000)}\nhalf`);
    await eventually(async () => (await entries(room.logs)).length === 3);
    collection.onLine((line) => late.push(line.slice(0, 20)));
    assert.deepEqual(late.toSorted(), ['WARN password=*** th', 'boom', 'y'.repeat(20)]);
    const all = await entries(room.logs);
    const warn = all.find((entry) => entry.level === 'WARN');
    assert.deepEqual([warn?.message, warn?.fields], ['password=*** there', { token: '***' }]);
    const long = all.find((entry) => entry.truncated);
    assert.deepEqual([long?.message.length, long?.stream], [16_384, 'STDERR']);
    await systemClock.sleep(200);
    const { length } = await entries(room.logs);
    // After a second it is shown, which a busy machine may have let pass.
    assert.ok(length === 3 || performance.now() - halfMs > 900, 'half a line is no line yet');
    appendFileSync(spools.stderrPath, ' whole\nlast');
    await eventually(async () => (await entries(room.logs)).length === 4);
    await collection.drain();
    await collection.drain();
    assert.deepEqual((await messages(room.logs)).slice(3), ['half whole', 'last']);
  } finally {
    await room.close();
  }
});

test('a restarted agent goes on where it was, while the child writes all the time', async () => {
  const room = await openLogRoom();
  const spools = room.spools('restart');
  const child = shell('i=1; while [ $i -le 3000 ]; do echo $i; i=$((i+1)); [ $((i%100)) = 0 ] && sleep 0.02; done; printf half', spools);
  const exited = once(child, 'exit');
  try {
    let logs = room.logs;
    for (let n = 0; n < 4; n++) {
      const collection = follow(logs, spools);
      await systemClock.sleep(90);
      await eventually(async () => collection.lastLines(1).length === 1);
      logs = await room.reopen();
    }
    const collection = follow(logs, spools);
    await exited;
    await collection.drain();
    assert.deepEqual(await messages(logs), [...range(3000), 'half']);
  } finally {
    child.kill('SIGKILL');
    await room.close();
  }
});

test('an agent that was killed between storing and noting repeats nothing and loses nothing', async () => {
  const room = await openLogRoom();
  try {
    const spools = room.spools('killed');
    follow(room.logs, spools);
    appendFileSync(spools.stdoutPath, 'one\ntwo\n');
    await eventually(async () => (await entries(room.logs)).length === 2);
    await room.logs.stop();
    // What a kill leaves behind: the store is ahead of the note.
    const path = `${spools.stdoutPath}.offset`;
    const note = JSON.parse(readFileSync(path, 'utf8'));
    assert.equal(note.offset, 8);
    const { writeFileSync } = await import('node:fs');
    writeFileSync(path, JSON.stringify({ ...note, offset: 0 }));
    appendFileSync(spools.stdoutPath, 'three\n');
    await room.reopen();
    const collection = follow(room.logs, spools);
    await collection.drain();
    assert.deepEqual(await messages(room.logs), ['one', 'two', 'three']);
    assert.deepEqual(collection.lastLines(2), ['two', 'three']);
  } finally {
    await room.close();
  }
});

test('a quiet spool over 1 MiB is truncated, and the child and a restarted agent go on after it', async () => {
  const room = await openLogRoom();
  try {
    const spools = room.spools('freed');
    follow(room.logs, spools);
    const line = 'z'.repeat(999);
    appendFileSync(spools.stdoutPath, `${Array.from({ length: 1200 }, (_, n) => `${n} ${line}`).join('\n')}\nha`);
    assert.ok(await eventually(() => statSync(spools.stdoutPath).size === 0));
    await room.reopen();
    const collection = follow(room.logs, spools);
    appendFileSync(spools.stdoutPath, 'lf\nlast\n');
    await collection.drain();
    const all = await messages(room.logs);
    assert.equal(all.length, 1202);
    assert.deepEqual(all.slice(-2), ['half', 'last']);
  } finally {
    await room.close();
  }
});

test('more than 64 MiB unread is a flood: kept + dropped = written', { timeout: 30_000 }, async () => {
  const room = await openLogRoom();
  try {
    const spools = room.spools('wide');
    const chunk = Buffer.from(`${'w'.repeat(127)}\n`.repeat(8192));
    for (let n = 0; n < 70; n++) appendFileSync(spools.stdoutPath, chunk);
    const written = 70 * 8192;
    const collection = follow(room.logs, spools);
    await collection.drain();
    const kept = room.counted.value('sboxagent_log_lines_total', 'unit');
    const dropped = room.counted.value('sboxagent_log_lines_dropped_total', 'unit');
    assert.ok(kept >= 8000 && kept < 20_000, `${kept} kept`);
    assert.equal(kept + dropped, written);
    assert.equal((await room.logs.list({ order: 'desc', pageSize: 1 })).entries[0]?.message, 'w'.repeat(127));
  } finally {
    await room.close();
  }
});

test('spools that are not there are told once and cost nothing else', async () => {
  const room = await openLogRoom();
  try {
    const collection = room.logs.collect({ source: 'unit', pid: 1, stdoutPath: `${room.dir}/none/a`, stderrPath: `${room.dir}/none/b` });
    await systemClock.sleep(350);
    await collection.drain();
    assert.equal(room.logger.lines.length, 1);
    assert.deepEqual(collection.lastLines(5), []);
  } finally {
    await room.close();
  }
});

test('a spool that someone else empties is followed on', async () => {
  const room = await openLogRoom();
  try {
    const spools = room.spools('emptied');
    const collection = follow(room.logs, spools);
    appendFileSync(spools.stdoutPath, 'before\n');
    await eventually(async () => (await entries(room.logs)).length === 1);
    truncateSync(spools.stdoutPath, 0);
    await systemClock.sleep(200);
    appendFileSync(spools.stdoutPath, 'after\n');
    await eventually(async () => (await entries(room.logs)).length === 2);
    await collection.drain();
    assert.deepEqual(await messages(room.logs), ['before', 'after']);
  } finally {
    await room.close();
  }
});

test('a line that does not end is shown after a second, marked partial; what follows of it is the next entry', async () => {
  const room = await openLogRoom();
  try {
    const spools = room.spools('prompt');
    const collection = follow(room.logs, spools);
    const halfMs = performance.now();
    appendFileSync(spools.stdoutPath, 'whole\nare you sure?');
    await eventually(async () => (await entries(room.logs)).length >= 1);
    await systemClock.sleep(300);
    const { length } = await entries(room.logs);
    assert.ok(length === 1 || performance.now() - halfMs > 900, 'half a line is no line before a second has passed');
    await eventually(async () => (await entries(room.logs)).length === 2);
    const [, prompt] = await entries(room.logs);
    assert.deepEqual([prompt?.message, prompt?.partial, prompt?.truncated], ['are you sure?', true, false]);
    assert.equal(room.counted.value('sboxagent_log_lines_total', 'unit'), 1, 'it counts as no line');
    appendFileSync(spools.stdoutPath, ' yes\nlast');
    await collection.drain();
    const all = await entries(room.logs);
    assert.deepEqual(
      all.map(({ message, partial }) => [message, partial]),
      [
        ['whole', false],
        ['are you sure?', true],
        [' yes', false],
        ['last', false],
      ],
    );
    assert.equal(room.counted.value('sboxagent_log_lines_total', 'unit'), 3);
  } finally {
    await room.close();
  }
});

test('progress that overwrites itself is one line with its last state', async () => {
  const room = await openLogRoom();
  try {
    const spools = room.spools('progress');
    const collection = follow(room.logs, spools);
    for (const part of ['10%', '\r20%', '\r100%\r\n', 'crlf\r\n']) appendFileSync(spools.stdoutPath, part);
    await collection.drain();
    assert.deepEqual(await messages(room.logs), ['100%', 'crlf']);
  } finally {
    await room.close();
  }
});

test('a line has its own time where that can be true, and no secret of the configuration', async () => {
  const room = await openLogRoom();
  try {
    const now = systemClock.wallMs();
    const times = [now - 3_600_000, now + 3_600_000, Number.NaN, 0];
    let at = 0;
    const spools = room.spools('secrets');
    let values = ['hunter2hunter2'];
    const collection = room.logs.collect({
      source: 'unit',
      pid: 1,
      ...spools,
      parse: (line) => ({ message: line.replace(/^LEAD /, ''), timeMs: times[at++], fields: { said: line } }),
      secrets: () => values,
    });
    appendFileSync(spools.stdoutPath, 'LEAD user hunter2hunter2 came\nid b831381d-6324-4d53-ad4f-8cda48b30811\nnan\n');
    await eventually(async () => (await entries(room.logs)).length === 3);
    values = ['another-one'];
    appendFileSync(spools.stdoutPath, 'hunter2hunter2 was, another-one is\n');
    await collection.drain();
    const all = await entries(room.logs);
    assert.deepEqual(
      all.map(({ message }) => message),
      ['user *** came', 'id ***', 'nan', 'hunter2hunter2 was, *** is'],
    );
    assert.deepEqual(all[0]?.fields, { said: 'LEAD user *** came' });
    assert.equal(all[0]?.timeMs, times[0]);
    for (const entry of all.slice(1)) assert.ok(Math.abs(entry.timeMs - now) < 60_000);
    assert.equal(collection.lastLines(4)[0], 'LEAD user *** came');
  } finally {
    await room.close();
  }
});

test('a busy spool gives its blocks back by holes, and loses nothing that is appended meanwhile', { timeout: 60_000 }, async () => {
  const room = await openLogRoom();
  try {
    const spools = room.spools('holes');
    const holes: { offset: number; length: number }[] = [];
    const collection = room.logs.collect({
      ...{ source: 'unit', pid: 1, ...spools },
      async punchHole(_, hole) {
        holes.push(hole);
        // A line comes at the worst moment.
        appendFileSync(spools.stdoutPath, `meanwhile ${holes.length}\n`);
        return true;
      },
    });
    const block = Buffer.from(`${'b'.repeat(1023)}\n`.repeat(9000));
    for (let n = 0; n < 4; n++) {
      appendFileSync(spools.stdoutPath, block);
      await eventually(() => room.counted.value('sboxagent_log_lines_total', 'unit') >= (n + 1) * 9000);
    }
    await collection.drain();
    assert.ok(holes.length >= 1, 'no hole was made');
    assert.equal(room.counted.value('sboxagent_log_lines_total', 'unit'), 36_000 + holes.length);
    let reached = 0;
    for (const { offset, length } of holes) {
      assert.ok(offset >= reached && length > 0 && (offset + length) % 4096 === 0);
      reached = offset + length;
    }
  } finally {
    await room.close();
  }
});
