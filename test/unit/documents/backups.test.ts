import assert from 'node:assert/strict';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBackups } from '../../../src/documents/backups.ts';
import { scratch } from '../../helpers/event-room.ts';

test('a backup is read back as it was made, by nobody but its owner', () => {
  using place = scratch();
  const dir = join(place.dir, 'backups', 'agent');
  const backups = openBackups(dir);
  const sha256 = backups.save('1.json', 'grün');
  assert.equal(backups.read('1.json', sha256), 'grün');
  assert.equal(statSync(join(dir, '1.json')).mode & 0o777, 0o600);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(dir), ['1.json']);
  backups.remove('1.json');
  backups.remove('1.json');
  assert.throws(() => backups.read('1.json', sha256), { reason: 'BACKUP_NOT_FOUND' });
});

test('a backup that was changed, or is unreadable, is damaged', () => {
  using place = scratch();
  const backups = openBackups(place.dir);
  const sha256 = backups.save('7.json', 'one');
  writeFileSync(join(place.dir, '7.json'), 'onf');
  assert.throws(() => backups.read('7.json', sha256), { reason: 'BACKUP_DAMAGED' });
});

test('a name does not lead out of the directory', () => {
  using place = scratch();
  const backups = openBackups(place.dir);
  for (const name of ['../x', 'a/b', '', '.', '..', '.x']) assert.throws(() => backups.save(name, ''), RangeError);
});
