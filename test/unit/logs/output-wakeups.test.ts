import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../../src/kernel/clock.ts';
import { wakeOnOutput } from '../../../src/logs/output-wakeups.ts';
import { bentClock } from '../../helpers/bent-clock.ts';
import { eventually } from '../../helpers/log-room.ts';

interface Spools {
  readonly dir: string;
  readonly paths: readonly string[];
}

function makeSpools(t: TestContext): Spools {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-wakeups-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const paths = [join(dir, 'stdout.log'), join(dir, 'stderr.log')];
  for (const path of paths) writeFileSync(path, '');
  return { dir, paths };
}

/** A reader that counts, on a clock that the test turns. */
function countReads(t: TestContext, { paths }: Spools) {
  const seen = { reads: 0, stats: 0, isOwed: false };
  const bent = bentClock();
  const stop = wakeOnOutput(
    {
      paths,
      read: async () => {
        seen.reads += 1;
      },
      isIdle: () => {
        seen.stats += 1;
        return true;
      },
      isOwed: () => seen.isOwed,
    },
    bent.clock,
  );
  t.after(stop);
  const advance = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 50) {
      bent.advance(50);
      await systemClock.sleep(0);
    }
  };
  /** Until the directory has announced what was written to it: from then on a second passes without a stat but one. */
  const announced = (): Promise<boolean> =>
    eventually(async () => {
      const { stats } = seen;
      await advance(1000);
      return seen.stats - stats <= 1;
    });
  return { seen, advance, announced };
}

test('a silent spool is checked every 5 s once its directory has announced anything', async (t) => {
  const spools = makeSpools(t);
  const { seen, advance, announced } = countReads(t, spools);
  await advance(1000);
  assert.ok(seen.stats >= 5, 'a directory that has announced nothing yet is checked often');
  writeFileSync(join(spools.dir, 'stdout.log.offset'), 'a note of the reader');
  assert.ok(await announced());
  const before = { ...seen };
  await advance(60_000);
  assert.equal(seen.reads, before.reads);
  assert.ok(seen.stats - before.stats <= 13, `${seen.stats - before.stats} checks in a minute`);
});

test('a write is read when it is announced, without any time passing', async (t) => {
  const spools = makeSpools(t);
  const { seen } = countReads(t, spools);
  const { reads } = seen;
  appendFileSync(spools.paths[1] ?? '', 'a line\n');
  assert.ok(await eventually(() => seen.reads > reads));
});

test('a read that is owed comes soon, though nothing is written', async (t) => {
  const spools = makeSpools(t);
  const { seen, advance, announced } = countReads(t, spools);
  writeFileSync(join(spools.dir, 'note'), '');
  assert.ok(await announced());
  seen.isOwed = true;
  appendFileSync(spools.paths[0] ?? '', 'half');
  const { reads } = seen;
  assert.ok(await eventually(() => seen.reads > reads));
  const before = seen.reads;
  await advance(200);
  assert.ok(seen.reads > before);
});
