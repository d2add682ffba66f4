import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../../src/kernel/clock.ts';
import { createFollower, followFiles } from '../../../src/kernel/follow-files.ts';
import { bentClock } from '../../helpers/bent-clock.ts';
import { eventually } from '../../helpers/log-room.ts';

function makeDirectory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-follow-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A follower of one document that has taken what lay there at the start, on a clock that the test turns. */
async function follow(t: TestContext, files: readonly string[], options: { readonly needed?: number } = {}) {
  const taken: number[] = [];
  const bent = bentClock();
  const take = async (stillMs: number): Promise<number> => {
    taken.push(stillMs);
    return options.needed ?? 0;
  };
  const document = { files: () => files, take };
  const follower = createFollower({ clock: bent.clock, documents: () => [document], delayMs: () => 1000 });
  follower.start();
  t.after(() => follower.stop());
  const advance = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 100) {
      bent.advance(100);
      await systemClock.sleep(0);
    }
  };
  await advance(1500);
  const first = taken.splice(0);
  return { taken, advance, follower, first };
}

test('what lies there at the start counts: it may be another than what was read before', async (t) => {
  const path = join(makeDirectory(t), 'a.yaml');
  writeFileSync(path, 'one');
  const { taken, advance, first } = await follow(t, [path]);
  await advance(3000);
  assert.deepEqual([first.length, taken.length], [1, 0]);
});

test('a change counts once the files have been still', async (t) => {
  const path = join(makeDirectory(t), 'a.yaml');
  writeFileSync(path, 'one');
  const { taken, advance } = await follow(t, [path]);
  for (const text of ['a', 'bb', 'ccc']) {
    writeFileSync(path, text);
    await advance(700);
    assert.deepEqual(taken, [], 'it goes on changing');
  }
  await advance(1500);
  assert.equal(taken.length, 1);
  assert.ok((taken[0] ?? 0) >= 1000);
});

test('who needs more stillness is called again', async (t) => {
  const path = join(makeDirectory(t), 'a.yaml');
  const { taken, advance } = await follow(t, [path], { needed: 5000 });
  writeFileSync(path, 'one');
  await advance(9000);
  assert.equal(taken.length, 2);
  assert.ok((taken[1] ?? 0) >= 5000);
});

test('replaced, removed and made again, and behind a link', async (t) => {
  const dir = makeDirectory(t);
  const [path, real, link] = [join(dir, 'a'), join(dir, 'real'), join(dir, 'link')];
  mkdirSync(real);
  writeFileSync(path, 'one');
  writeFileSync(join(real, 'b'), 'one');
  symlinkSync(join(real, 'b'), link);
  const { taken, advance } = await follow(t, [path, link]);
  const steps = [
    () => {
      writeFileSync(join(dir, 'a.tmp'), 'one');
      renameSync(join(dir, 'a.tmp'), path);
    },
    () => rmSync(path),
    () => writeFileSync(path, 'one'),
    () => writeFileSync(join(real, 'b'), 'two'),
  ];
  for (const [i, step] of steps.entries()) {
    step();
    await advance(3000);
    assert.equal(taken.length, i + 1);
  }
});

test('a change is announced by its directory, before any time has passed', async (t) => {
  const dir = makeDirectory(t);
  const path = join(dir, 'token');
  let changes = 0;
  const count = (): void => {
    changes += 1;
  };
  t.after(followFiles({ files: () => [path], clock: bentClock().clock, changed: count }));
  writeFileSync(join(dir, 'another'), '');
  writeFileSync(path, 'one');
  assert.ok(await eventually(() => changes === 1 || changes === 2));
});

test('stop waits for what is under way', async (t) => {
  const path = join(makeDirectory(t), 'a');
  let finish = (): void => undefined;
  let done = false;
  const bent = bentClock();
  const take = (): Promise<number> =>
    new Promise((resolve) => {
      finish = () => resolve(0);
    });
  const follower = createFollower({ clock: bent.clock, documents: () => [document], delayMs: () => 0 });
  const document = { files: () => [path], take };
  follower.start();
  const stopped = follower.stop().then(() => {
    done = true;
  });
  await systemClock.sleep(20);
  assert.equal(done, false);
  finish();
  await stopped;
});
