import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readRegularFile } from '../../../src/kernel/regular-file.ts';
import { scratch } from '../../helpers/event-room.ts';

test('a regular file of UTF-8 with its byte order mark; what is none is told, and a named pipe holds nobody up', () => {
  using place = scratch();
  const path = (name: string): string => join(place.dir, name);
  writeFileSync(path('text'), '\uFEFFä\n');
  writeFileSync(path('latin'), Buffer.from([0xe4, 0x0a]));
  assert.equal(spawnSync('mkfifo', [path('pipe')]).status, 0);
  let bytes = 0;
  assert.equal(
    readRegularFile(path('text'), ({ size }) => {
      bytes = size;
    }),
    '\uFEFFä\n',
  );
  assert.equal(bytes, 6);
  const read = (name: string) => () => readRegularFile(path(name), () => {});
  assert.throws(read('latin'), { kind: 'not_utf8', message: 'it is not UTF-8' });
  for (const name of ['pipe', '.']) assert.throws(read(name), { kind: 'not_regular', message: 'it is no regular file' });
  assert.throws(read('nothing'), { code: 'ENOENT' });
  const refusal = new Error('too large');
  assert.throws(
    () =>
      readRegularFile(path('text'), () => {
        throw refusal;
      }),
    refusal,
  );
});
