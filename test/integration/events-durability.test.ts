import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/kernel/clock.ts';
import { openRoom, scratch } from '../helpers/event-room.ts';

const publisher = fileURLToPath(new URL('../fixtures/store/publisher.ts', import.meta.url));

/** Runs a publisher and kills it `afterMs` after its first acknowledgement. Answers what it was told: [id, revision]. */
async function killedRun(dir: string, run: string, afterMs: number): Promise<readonly (readonly [string, number])[]> {
  const child = spawn(process.execPath, [publisher, dir, run], { stdio: ['ignore', 'pipe', 'inherit'] });
  const acked: (readonly [string, number])[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    // The last line can be cut by the kill.
    if (line.endsWith(']]')) acked.push(...JSON.parse(line));
  });
  lines.once('line', () => void systemClock.after(afterMs, () => child.kill('SIGKILL')));
  await Promise.all([once(child, 'exit'), once(lines, 'close')]);
  return acked;
}

test('kill -9 under publishing: what was acknowledged is there, once, under its revision', async () => {
  using tmp = scratch();
  const told = new Map<number, string>();
  for (const [n, afterMs] of [20, 130, 300].entries()) {
    const acked = await killedRun(tmp.dir, `run${n}`, afterMs);
    assert.ok(acked.length > 0);
    for (const [id, revision] of acked) {
      assert.equal(told.has(revision), false, `revision ${revision} was given out twice`);
      told.set(revision, `run${n}/${id}`);
    }
  }
  await using room = await openRoom({ dir: tmp.dir });
  const kept = new Map<number, string>();
  for (let cursor = 0; ; ) {
    const page = await room.journal.list({ order: 'asc', pageSize: 1000, cursor });
    for (const event of page.events) kept.set(event.revision, `${event.source}/${event.id}`);
    if (page.nextCursor === undefined) break;
    cursor = page.nextCursor;
  }
  assert.deepEqual(
    [...told].filter(([revision, name]) => kept.get(revision) !== name),
    [],
  );
  assert.equal(new Set(kept.values()).size, kept.size, 'stored twice');
  assert.deepEqual(
    [...kept.keys()],
    Array.from({ length: kept.size }, (_, i) => i + 1),
    'no holes',
  );
});
