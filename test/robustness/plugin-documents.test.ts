import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { scratch } from '../helpers/event-room.ts';
import { openDocumentRoomAt } from '../unit/plugins/documents/room.ts';

const kills = 25;

/** Runs the writer until it has written something, and kills it at a moment that nobody chose. Answers the newest acknowledged revision. */
async function writeAndKill(dir: string, beyond: number): Promise<number> {
  const script = join(import.meta.dirname, '../fixtures/document-writer.ts');
  const child = spawn(process.execPath, [script, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const newest = (): number =>
    Number(
      said
        .slice(0, said.lastIndexOf('\n') + 1)
        .trim()
        .split('\n')
        .at(-1) ?? 0,
    );
  while (newest() <= beyond && child.exitCode === null) await sleep(5);
  await sleep(Math.random() * 40);
  child.kill('SIGKILL');
  await ended;
  return newest();
}

test(`killed ${kills} times while it writes: nothing acknowledged is lost, and every file is a whole document`, async () => {
  using place = scratch();
  let revision = 0;
  for (let i = 0; i < kills; i++) {
    const acknowledged = await writeAndKill(place.dir, revision);
    const onDisk = (): number => (JSON.parse(readFileSync(join(place.dir, 'plugins/geo/config.json'), 'utf8')) as { n: number }).n;
    const n = onDisk();
    assert.ok(n === acknowledged || n === acknowledged + 1, `kill ${i}: ${n} on the disk, ${acknowledged} acknowledged`);
    const room = await openDocumentRoomAt(place.dir);
    try {
      const document = room.keeper.get('geo');
      // One that was on its way is finished.
      const now = onDisk();
      assert.ok(now >= n && now <= acknowledged + 1, `kill ${i}: ${now} after ${acknowledged}`);
      assert.deepEqual([document.revision, document.config?.['n']], [now, now], `kill ${i}`);
      assert.equal(room.keeper.health().status, 'HEALTHY');
      assert.deepEqual(room.events, []);
      assert.deepEqual(readdirSync(join(place.dir, 'plugins/geo')), ['config.json']);
      const backups = await room.keeper.backups('geo');
      const kept = [now, ...backups.map(({ id }) => id)].map((id) => `${id}.json`);
      assert.deepEqual(kept.sort(), readdirSync(join(place.dir, 'backups/plugins/geo')).sort());
      // Each revision before it has its backup, up to the limit.
      assert.deepEqual(
        backups.map((b) => b.revision),
        Array.from({ length: Math.min(200, now - 1) }, (_, k) => now - 1 - k),
      );
      revision = document.revision;
    } finally {
      await room.keeper.stop();
      await room.store.stop();
    }
  }
});
