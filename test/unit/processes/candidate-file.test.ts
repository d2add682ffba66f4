import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { giveNewConfig } from '../../../src/processes/apply/candidate-file.ts';
import { identityOf } from '../../../src/processes/confine.ts';

test('a config that is written where there was none can be read by the user of its engine', {
  skip: process.geteuid?.() !== 0 && 'only root may give a file away',
}, (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-owner-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, 'edge.json');
  writeFileSync(path, '{}', { mode: 0o600 });
  const unit = { id: 'edge', user: 'nobody', group: undefined };
  giveNewConfig(path, { id: 'edge', user: undefined, group: undefined });
  assert.equal(statSync(path).uid, 0);
  giveNewConfig(path, unit);
  assert.deepEqual([statSync(path).uid, statSync(path).gid], [identityOf(unit)?.uid, identityOf(unit)?.gid]);
  assert.notEqual(statSync(path).uid, 0);
});
