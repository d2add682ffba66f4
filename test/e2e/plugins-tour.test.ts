/** The tour of docs/plugins.md, command by command as it stands there. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort, root, runProgram } from '../helpers/daemon.ts';

const page = readFileSync(join(root, 'docs/plugins.md'), 'utf8');
const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');

/** What each block of the tour must print, in order. */
const expected: readonly RegExp[] = [
  /^/,
  /geo-updater .*ACTIVE/,
  /geo-updater[\s\S]*\b3\b/,
  /"password": "correct-horse"[\s\S]*revision 2, APPLIED[\s\S]*\*\*\*/,
  /revision 3/,
  /config\.json:1[\s\S]*example\.com[\s\S]*config\.applied[\s\S]*config\.rejected/,
  /plugin\.degraded[\s\S]*plugin\.unhealthy[\s\S]*plugin\.recovering[\s\S]*plugin\.recovered/,
  /[4-9] "trace_id"/,
  /^/,
];

test('the tour of the plugins runs as it is written', async (t) => {
  assert.equal(blocks.length, expected.length, 'every block of the tour has its expectation');
  const temp = mkdtempSync(join(tmpdir(), 'sboxagent-plugins-tour-'));
  t.after(() => rmSync(temp, { recursive: true, force: true }));
  const env = { TMPDIR: temp, SBOXAGENT_API_PORT: String(await freePort()) };
  const script = blocks.map((block, i) => `${block}\necho; echo "@@ ${i}"`).join('\n');
  const ran = await runProgram(['bash', '-c', `cd '${root}'; set +H -m; ${script}`], { env, timeoutMs: 90_000 });
  const parts = ran.stdout.split(/^@@ \d+$/m);
  expected.forEach((what, i) => {
    assert.match(parts[i] ?? '', what, `block ${i + 1}:\n${blocks[i]}\n${ran.stdout.slice(-1500)}\n${ran.stderr.slice(-800)}`);
  });
});
