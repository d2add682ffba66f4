import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { engines } from '../../../src/processes/engines/index.ts';
import { followSecrets, readingLines } from '../../../src/processes/reading-lines.ts';
import type { UnitSettings } from '../../../src/settings/types.ts';

function scratch(): { readonly dir: string; [Symbol.dispose](): void } {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-lines-'));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

const config = (password: string): string =>
  JSON.stringify({ inbounds: [{ type: 'shadowsocks', listen: '::', listen_port: 1, method: 'none', password }] });

test('secrets are those of the config in force, and of the one before: its program may be running still', () => {
  using place = scratch();
  const path = join(place.dir, 'config.json');
  const secrets = followSecrets(engines['sing-box'], path);
  assert.deepEqual(secrets(), []);
  writeFileSync(path, config('first-password'));
  assert.deepEqual(secrets(), ['first-password']);
  assert.equal(secrets(), secrets(), 'the same list while nothing changes');
  writeFileSync(path, config('second-password!'));
  assert.deepEqual(secrets(), ['second-password!', 'first-password']);
  writeFileSync(path, '{ broken');
  assert.deepEqual(secrets(), ['second-password!', 'first-password']);
  writeFileSync(path, config('third-password!!'));
  assert.deepEqual(secrets(), ['third-password!!', 'second-password!']);
});

test('lines of an engine are read by its own form; a command has none', () => {
  const unit = (given: Partial<UnitSettings>): UnitSettings => ({ configPath: undefined, engine: undefined, ...given }) as UnitSettings;
  const { parse } = readingLines(unit({ engine: 'sing-box', configPath: '/none' }), '/usr/bin:/bin');
  const { level, message, timeMs } = parse?.('+0000 2026-11-22 22:26:51 WARN [1 0ms] inbound/mixed[in]: hello') ?? {};
  assert.deepEqual([level, timeMs], ['WARN', Date.UTC(2026, 10, 22, 22, 26, 51)]);
  assert.match(message ?? '', /hello/);
  assert.equal(readingLines(unit({}), '/nowhere').parse, undefined);
});

test('a hole gives blocks back and moves nothing', async (t) => {
  using place = scratch();
  const { punchHole } = readingLines({ engine: undefined } as UnitSettings, process.env['PATH'] ?? '');
  const path = join(place.dir, 'spool');
  writeFileSync(path, Buffer.alloc(4 << 20, 'x'));
  const before = statSync(path);
  if (punchHole === undefined || !(await punchHole(path, { offset: 0, length: 2 << 20 }))) {
    t.skip('this file system has no holes, or there is no fallocate');
    return;
  }
  appendFileSync(path, 'end');
  const after = statSync(path);
  assert.equal(after.size, before.size + 3);
  assert.ok(after.blocks < before.blocks - 3000, `${before.blocks} -> ${after.blocks}`);
  assert.equal(await punchHole(join(place.dir, 'none'), { offset: 0, length: 1 << 20 }), false);
  const without = readingLines({ engine: undefined } as UnitSettings, '/nowhere').punchHole;
  assert.equal(await without?.(path, { offset: 0, length: 1 << 20 }), false, 'fallocate is not there');
});
