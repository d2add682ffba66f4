import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSpool } from '../../../src/logs/spool.ts';

test('a spool is idle when all is read and no line waits for its end', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-spool-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, 'stdout.log');
  writeFileSync(path, '');
  const spool = openSpool(path);
  t.after(() => spool.close(true));
  assert.equal(spool.isIdle(), true);
  assert.equal(await spool.read(), undefined);
  appendFileSync(path, 'one\ntw');
  assert.equal(spool.isIdle(), false);
  assert.equal((await spool.read())?.lines.length, 1);
  assert.equal(spool.isIdle(), false, 'half a line is to be shown after a while');
  appendFileSync(path, 'o\n');
  assert.equal((await spool.read())?.lines.length, 1);
  assert.equal(spool.isIdle(), true);
  truncateSync(path, 0);
  assert.equal(spool.isIdle(), false, 'one that was truncated is to be looked at');
});
