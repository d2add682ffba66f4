import assert from 'node:assert/strict';
import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeTemporaries, writeFileAtomic, writeFileInPlace } from '../../../src/kernel/atomic-file.ts';

const dir = mkdtempSync(join(tmpdir(), 'atomic-'));
after(() => rmSync(dir, { recursive: true, force: true }));

test('writes, replaces, and sets the mode whatever the umask and the old file say', () => {
  const path = join(dir, 'a');
  writeFileSync(path, 'old');
  chmodSync(path, 0o666);
  const umask = process.umask(0);
  try {
    writeFileAtomic(path, 'new');
    assert.equal(readFileSync(path, 'utf8'), 'new');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    process.umask(0o077);
    writeFileAtomic(path, Buffer.from('newer'), 0o644);
    assert.equal(statSync(path).mode & 0o777, 0o644);
  } finally {
    process.umask(umask);
  }
  assert.deepEqual(readdirSync(dir), ['a']);
});

test('a symlink is replaced, what it points to stays', () => {
  const target = join(dir, 'target');
  const link = join(dir, 'link');
  writeFileSync(target, 'precious');
  symlinkSync(target, link);
  writeFileAtomic(link, 'mine');
  assert.ok(lstatSync(link).isFile());
  assert.equal(readFileSync(target, 'utf8'), 'precious');
  assert.equal(readFileSync(link, 'utf8'), 'mine');
});

test('a failure leaves the old file and nothing beside it', () => {
  const sub = mkdtempSync(join(dir, 'sub-'));
  assert.throws(() => writeFileAtomic(sub, 'over a directory'), /EISDIR|ENOTEMPTY|EEXIST/);
  assert.throws(() => writeFileAtomic(join(dir, 'none', 'x'), 'x'), /ENOENT/);
  assert.ok(readdirSync(dir).every((name) => !name.endsWith('.tmp')));
});

test('what a kill leaves of a write is found by its name, and nothing else is touched', () => {
  const place = mkdtempSync(join(dir, 'x-'));
  const names = [
    '.a.json.0123456789ab.tmp',
    '.b.json.0123456789ab.tmp',
    '.a.json.tmp',
    'a.json.0123456789ab.tmp',
    '.a.json.0123456789AB.tmp',
  ];
  for (const name of names) writeFileSync(join(place, name), '');
  removeTemporaries(place, 'a.json');
  assert.deepEqual(readdirSync(place).sort(), names.slice(1).sort());
  removeTemporaries(place);
  assert.deepEqual(readdirSync(place).sort(), names.slice(2).sort());
  removeTemporaries(join(place, 'nowhere'));
});

test('in place: the same file, the whole text, longer or shorter than before', () => {
  const place = mkdtempSync(join(dir, 'x-'));
  const path = join(place, 'a');
  writeFileSync(path, 'before', { mode: 0o640 });
  const { ino } = statSync(path);
  for (const text of ['much longer than before', 'ä', '']) {
    writeFileInPlace(path, text);
    assert.equal(readFileSync(path, 'utf8'), text);
  }
  assert.deepEqual([statSync(path).ino, statSync(path).mode & 0o777], [ino, 0o640]);
  assert.throws(() => writeFileInPlace(join(place, 'none'), ''), { code: 'ENOENT' });
});
