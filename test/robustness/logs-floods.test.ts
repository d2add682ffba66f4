/** Floods of real children: what they cost in memory, and that every line of them and of quiet units is stored or counted. Bounded: some 700 MB in all. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { readingLines } from '../../src/processes/reading-lines.ts';
import type { UnitSettings } from '../../src/settings/types.ts';
import { allEntries, type LogRoom, openLogRoom } from '../helpers/log-room.ts';

const mib = 1 << 20;
const kept = 'sboxagent_log_lines_total';
const dropped = 'sboxagent_log_lines_dropped_total';
let room: LogRoom;

before(async () => {
  room = await openLogRoom({ maxBytesPerSource: 2 * mib, files: 4 });
  // What V8 keeps for its young generation once it has worked is the daemon's own: the floods are measured on top of that.
  await unit('warm', 'seq -f "%.0f a line before anything is measured" 200000').ended;
});
after(() => room.close());

/** Runs a shell line whose output goes to the spools of a unit that is collected. */
function unit(
  source: string,
  script: string,
): { readonly child: ChildProcess; readonly ended: Promise<void>; readonly stdoutPath: string } {
  const spools = room.spools(source);
  const stdout = openSync(spools.stdoutPath, 'a');
  const child = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', stdout, 'ignore'] });
  closeSync(stdout);
  const { punchHole } = readingLines({ engine: undefined } as UnitSettings, process.env['PATH'] ?? '');
  const collection = room.logs.collect({ source, pid: child.pid ?? 0, ...spools, ...(punchHole && { punchHole }) });
  const ended = once(child, 'exit').then(() => collection.drain());
  return { child, ended, stdoutPath: spools.stdoutPath };
}

const rss = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;

/** Answers by how much the memory grew at most while `fn` ran. */
async function growth(fn: () => Promise<void>): Promise<number> {
  const start = rss();
  let most = start;
  const stop = systemClock.every(20, () => {
    most = Math.max(most, rss());
  });
  await fn();
  stop();
  return most - start;
}

const counted = (source: string): number => room.counted.value(kept, source) + room.counted.value(dropped, source);

test('500 MB without a newline is one line, cut and marked', { timeout: 120_000 }, async () => {
  const grown = await growth(async () => {
    await unit('endless', 'head -c 500000000 /dev/zero | tr "\\000" x; echo; echo after').ended;
  });
  const lines = await allEntries(room.logs, { filter: { sources: ['endless'] } });
  assert.deepEqual(
    lines.map(({ message, truncated }) => [message.length, truncated]),
    [
      [16_384, true],
      [5, false],
    ],
  );
  assert.equal(counted('endless'), 2);
  assert.ok(grown <= 64 * mib, `+ ${Math.round(grown / mib)} MiB`);
});

test('13 floods at once: + 64 MiB at most, lines of quiet units whole, kept + dropped = written', { timeout: 240_000 }, async () => {
  const perFlood = 60_000;
  const quietLines = 100;
  const grown = await growth(async () => {
    const floods = Array.from({ length: 13 }, (_, i) =>
      unit(`flood-${i}`, `seq -f "%.0f flooding with a line of some length, as engines do" ${perFlood}`),
    );
    const quiet = Array.from({ length: 2 }, (_, i) =>
      unit(`quiet-${i}`, `i=0; while [ $i -lt ${quietLines} ]; do echo "quiet $i"; i=$((i+1)); sleep 0.02; done`),
    );
    await Promise.all([...floods, ...quiet].map(({ ended }) => ended));
  });
  for (let i = 0; i < 13; i++) assert.equal(counted(`flood-${i}`), perFlood, `flood-${i}`);
  for (let i = 0; i < 2; i++) {
    const lines = await allEntries(room.logs, { filter: { sources: [`quiet-${i}`] } });
    assert.deepEqual(
      lines.map(({ message }) => message),
      Array.from({ length: quietLines }, (_, n) => `quiet ${n}`),
    );
  }
  assert.ok(grown <= 64 * mib, `+ ${Math.round(grown / mib)} MiB`);
});

test('2 million lines as fast as a child can: stored or counted, the raw spool bounded on the disk', { timeout: 240_000 }, async () => {
  let most = 0;
  const grown = await growth(async () => {
    const flood = unit('million', 'seq -f "%.0f a line among two million of them, of about the length that is usual" 2000000');
    const stop = systemClock.every(50, () => {
      most = Math.max(most, statSync(flood.stdoutPath).blocks * 512);
    });
    await flood.ended;
    stop();
  });
  assert.equal(counted('million'), 2_000_000);
  assert.ok(grown <= 64 * mib, `+ ${Math.round(grown / mib)} MiB`);
  assert.ok(most > 0, 'the spool was looked at');
});
