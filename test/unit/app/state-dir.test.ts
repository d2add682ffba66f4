import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockOwner } from '../../../src/app/lock.ts';
import { claimStateDir } from '../../../src/app/state-dir.ts';
import { RefusedError } from '../../../src/kernel/errors.ts';

function scratch(t: { after(fn: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-claim-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const mode = (path: string): number => statSync(path).mode & 0o777;

function refusal(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    assert.ok(error instanceof RefusedError, String(error));
    return error.message;
  }
  assert.fail('it was not refused');
}

test('one that is made is 0700, and what is made in it is 0600', (t) => {
  const dir = join(scratch(t), 'a', 'b');
  const before = process.umask(0o022);
  try {
    claimStateDir(dir).release();
  } finally {
    process.umask(before);
  }
  assert.equal(mode(dir), 0o700);
  assert.equal(mode(join(dir, 'lock')), 0o600);
});

test('one that is not empty and not ours is refused by what lies there, and stays as it was', (t) => {
  const dir = scratch(t);
  chmodSync(dir, 0o755);
  for (const name of ['notes.txt', 'photo.jpg']) writeFileSync(join(dir, name), '');
  // A lock file as other programs have it makes it no more ours.
  writeFileSync(join(dir, 'lock'), '');
  assert.match(
    refusal(() => claimStateDir(dir)),
    /not empty and not of sboxagent \(notes\.txt, photo\.jpg\).*--state-dir/,
  );
  assert.equal(mode(dir), 0o755);
  assert.deepEqual(readdirSync(dir).sort(), ['lock', 'notes.txt', 'photo.jpg']);
});

test('ours: empty, a new disk, made before, with a configuration in it, with a note of somebody beside the database', (t) => {
  const dir = scratch(t);
  chmodSync(dir, 0o755);
  mkdirSync(join(dir, 'lost+found'));
  writeFileSync(join(dir, 'edge.yaml'), '');
  writeFileSync(join(dir, 'admin.token'), 'x', { mode: 0o600 });
  claimStateDir(dir, [join(dir, 'edge.yaml')]).release();
  assert.equal(mode(dir), 0o755, 'who may look into one that was there is its owner’s business');
  chmodSync(dir, 0o2777);
  claimStateDir(dir).release();
  assert.equal(statSync(dir).mode & 0o7777, 0o2755, 'who may write in it is not');
  chmodSync(dir, 0o1777);
  claimStateDir(dir).release();
  assert.equal(statSync(dir).mode & 0o7777, 0o1777, 'but for what everybody shares on purpose');
  writeFileSync(join(dir, 'notes.txt'), '');
  claimStateDir(dir).release();
});

test('a lock that is no file of ours is refused, and nothing behind a link is touched', (t) => {
  const dir = scratch(t);
  const lock = join(dir, 'lock');
  const other = join(dir, 'sboxagent.db');
  const foreign = /not a lock file of sboxagent.*--state-dir/;
  writeFileSync(other, 'kept');
  symlinkSync(other, lock);
  assert.match(
    refusal(() => claimStateDir(dir)),
    foreign,
  );
  assert.equal(readFileSync(other, 'utf8'), 'kept');
  rmSync(lock);
  execFileSync('mkfifo', [lock]);
  assert.match(
    refusal(() => claimStateDir(dir)),
    foreign,
  );
  assert.equal(lockOwner(lock), undefined);
  rmSync(lock);
  mkdirSync(lock);
  assert.match(
    refusal(() => claimStateDir(dir)),
    foreign,
  );
  rmSync(lock, { recursive: true });
  writeFileSync(lock, 'some text of another program, long enough to be no header at all');
  assert.match(
    refusal(() => claimStateDir(dir)),
    foreign,
  );
  rmSync(lock);
  execFileSync('mkfifo', [`${lock}-journal`]);
  assert.match(
    refusal(() => claimStateDir(dir)),
    foreign,
  );
});

test('one of an older version, open to others, is closed', (t) => {
  const dir = scratch(t);
  claimStateDir(dir).release();
  chmodSync(join(dir, 'lock'), 0o644);
  claimStateDir(dir).release();
  assert.equal(mode(join(dir, 'lock')), 0o600);
});
