import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { listTokens } from '../../../src/access/index.ts';

const root = mkdtempSync(join(tmpdir(), 'access-many-'));
after(() => rmSync(root, { recursive: true, force: true }));

const program = `
import { createToken, revokeToken } from ${JSON.stringify(new URL('../../../src/access/index.ts', import.meta.url).href)};
for (let i = 0; i < 10; i++) {
  const { record } = createToken({ stateDir: process.argv[1], scopes: ['read'] });
  if (i % 2) revokeToken(process.argv[1], record.id);
}`;

test('programs that mint and revoke at once lose nothing of each other', async () => {
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', program, root], { stdio: 'inherit' }),
  );
  const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]));
  assert.deepEqual(codes, [0, 0, 0, 0]);
  const tokens = listTokens(root);
  assert.equal(new Set(tokens.map((t) => t.id)).size, 40);
  assert.equal(tokens.filter((t) => t.revokeTimeMs !== undefined).length, 20);
});
