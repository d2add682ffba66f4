import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { buildConsole } from '../../../deploy/console/build.ts';
import { consolePackages } from '../../../deploy/package/licences.ts';

const committed = join(import.meta.dirname, '../../../gen/console');
const maxCompressedBytes = 150_000;

test('what is committed of the console is what its sources give, and it is small', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'console-build-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const packages = await buildConsole(dir);
  const { dependencies } = JSON.parse(readFileSync(join(committed, '../../package.json'), 'utf8')) as { dependencies: object };
  assert.deepEqual(
    packages.filter((name) => !(name in dependencies)),
    [...consolePackages],
    'their licences are shipped',
  );
  assert.deepEqual(readdirSync(dir).sort(), readdirSync(committed).sort());
  for (const name of readdirSync(dir)) {
    assert.ok(readFileSync(join(dir, name)).equals(readFileSync(join(committed, name))), `${name}: npm run generate:console, and commit`);
  }
  const bytes = readdirSync(dir).reduce((sum, name) => sum + gzipSync(readFileSync(join(dir, name)), { level: 9 }).length, 0);
  t.diagnostic(`${bytes} bytes, compressed`);
  assert.ok(bytes <= maxCompressedBytes, `${bytes} bytes are more than ${maxCompressedBytes}`);
});
