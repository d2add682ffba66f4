/** What a start remembers for the next one. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { program, runProgram } from '../helpers/daemon.ts';

const dir = mkdtempSync(join(tmpdir(), 'sboxagent-start-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const start = () => runProgram([program, 'serve', '--check-config', '--state-dir', join(dir, 'state')], { env: { XDG_CACHE_HOME: dir } });

function memory(): string {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => /resolutions-[0-9a-f]{16}\.json$/.test(name));
  assert.equal(files.length, 1, String(files));
  return join(dir, files[0] ?? '');
}

test('where packages lead is remembered, for nobody else to read; what is remembered wrongly is looked up anew', async () => {
  assert.equal((await start()).code, 0);
  const file = memory();
  assert.equal(statSync(file).mode & 0o077, 0);
  const known = JSON.parse(readFileSync(file, 'utf8')) as Record<string, [string, string]>;
  const yaml = Object.keys(known).find((key) => key.endsWith(' yaml')) ?? '';
  assert.match(known[yaml]?.[0] ?? '', /node_modules\/yaml\//);
  const broken: readonly unknown[] = [
    ['file:///none/there.js', 'module'],
    ['file:///', 'module'],
    ['file:///%00', 'module'],
    ['data:text/javascript,process.exit(9)', 'module'],
    ['not a url', 'module'],
    [known[yaml]?.[0], 'wasm'],
    'text',
    null,
    {},
  ];
  for (const entry of broken) {
    writeFileSync(file, JSON.stringify({ ...known, [yaml]: entry }));
    const ran = await start();
    assert.equal(ran.code, 0, `${JSON.stringify(entry)}: ${ran.stderr}`);
  }
  for (const text of ['', '{', 'null', '[]', '"x"']) {
    writeFileSync(file, text);
    assert.equal((await start()).code, 0, text);
  }
  assert.ok(Object.hasOwn(JSON.parse(readFileSync(file, 'utf8')), yaml), 'it is mended');
});
