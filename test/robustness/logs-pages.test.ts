/** What pages over many sources with old compressed files cost in memory. Bounded: 40 sources of 3 MiB. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { openLogRoom } from '../helpers/log-room.ts';

const mib = 1 << 20;
const sources = 40;
const filesEach = 3;
const linesEach = 6000;

const rss = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;

/** Files of a source as the store writes them; the seqs of all sources run through each other. */
function writeSource(dir: string, index: number): void {
  mkdirSync(dir);
  for (let file = 0; file < filesEach; file++) {
    const seqOf = (n: number): number => (file * linesEach + n) * sources + index + 1;
    const line = (n: number): string =>
      `{"s":${seqOf(n)},"t":${1_700_000_000_000 + n},"l":2,"m":"line ${n} of source ${index}, ${'x'.repeat(120)}"}\n`;
    const text = Array.from({ length: linesEach }, (_, n) => line(n)).join('');
    writeFileSync(join(dir, `${String(seqOf(0)).padStart(16, '0')}.ndjson`), text);
  }
}

test('eight pages at once over 40 sources with compressed files: + 64 MiB at most, and the entries are those of the store', {
  timeout: 120_000,
}, async () => {
  const room = await openLogRoom({ retentionMs: 10 * 365 * 86_400_000 });
  try {
    await room.logs.stop();
    const dir = join(room.dir, 'logs');
    for (let index = 0; index < sources; index++) writeSource(join(dir, `unit-${index}`), index);
    const logs = await room.reopen();
    const packed = (): number => readdirSync(dir, { recursive: true }).filter((name) => String(name).endsWith('.gz')).length;
    while (packed() < sources * (filesEach - 1)) await systemClock.sleep(50);
    await logs.list({ order: 'desc', pageSize: 10 });
    const before = rss();
    let most = before;
    const stop = systemClock.every(5, () => {
      most = Math.max(most, rss());
    });
    const page = async (order: 'asc' | 'desc'): Promise<number[]> =>
      (await logs.list({ order, pageSize: 1000 })).entries.map(({ seq }) => seq);
    const pages = await Promise.all(Array.from({ length: 8 }, (_, i) => page(i % 2 === 0 ? 'asc' : 'desc')));
    stop();
    const newest = sources * filesEach * linesEach;
    assert.deepEqual(
      pages[0],
      Array.from({ length: 1000 }, (_, n) => n + 1),
    );
    assert.deepEqual(
      pages[1],
      Array.from({ length: 1000 }, (_, n) => newest - n),
    );
    assert.ok(most - before <= 64 * mib, `+ ${Math.round((most - before) / mib)} MiB`);
  } finally {
    await room.close();
  }
});
