import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { finishPending } from '../../src/config/index.ts';
import { saveIntent } from '../../src/documents/intent.ts';

test('a change that died between two files is finished; one that a hand edit overtook is not', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-config-kill-'));
  try {
    const [a, b, other] = ['a.yaml', 'b.yaml', 'other.yaml'].map((name) => join(dir, name)) as [string, string, string];
    const row = {
      revision: 2,
      etag: 'x',
      author: 'ops',
      reason: '',
      traceId: '',
      timeMs: 0,
      result: 'APPLIED',
      detail: '[]',
      bytes: 0,
      sha256: '',
    } as const;
    const intent = {
      row: { ...row, replacedTimeMs: null, replacedAgeMs: null },
      from: 1,
      texts: new Map([
        [a, 'new a'],
        [b, 'new b'],
        [other, 'never'],
      ]),
      before: new Map([
        [a, 'old a'],
        [b, 'old b'],
      ]),
      undo: false,
    };
    writeFileSync(a, 'new a');
    writeFileSync(b, 'old b', { mode: 0o640 });
    for (const name of ['.b.yaml.0123456789ab.tmp', '.b.yaml.swp', '.c.yaml.0123456789ab.tmp']) writeFileSync(join(dir, name), '');
    saveIntent(join(dir, 'backups/agent'), intent);
    finishPending(dir, [a, b]);
    assert.equal(readFileSync(b, 'utf8'), 'new b');
    assert.deepEqual(readdirSync(dir).sort(), ['.b.yaml.swp', '.c.yaml.0123456789ab.tmp', 'a.yaml', 'b.yaml', 'backups']);
    writeFileSync(b, 'by hand');
    writeFileSync(a, 'old a');
    finishPending(dir, [a, b]);
    assert.deepEqual([readFileSync(a, 'utf8'), readFileSync(b, 'utf8')], ['old a', 'by hand']);
    writeFileSync(join(dir, 'backups/agent/pending.json'), '{"texts":');
    finishPending(dir, [a, b]);
    assert.deepEqual(readdirSync(join(dir, 'backups/agent')), []);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
