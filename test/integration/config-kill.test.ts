import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { finishPending } from '../../src/config/index.ts';
import { saveIntent } from '../../src/documents/intent.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { configFiles, loadSettings } from '../../src/settings/index.ts';

const writer = fileURLToPath(new URL('../fixtures/config-writer.ts', import.meta.url));
const kills = Number(process.env['SBOXAGENT_KILLS'] ?? 12);

/** One life of the writer: killed after some time; answers the last value that it acknowledged. */
async function life(stateDir: string, config: string, ms: number): Promise<number | undefined> {
  const child = spawn(process.execPath, [writer, stateDir, config], { stdio: ['ignore', 'pipe', 'inherit'] });
  let last: number | undefined;
  const lines = createInterface(child.stdout);
  const ready = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (line === 'ready') resolve();
      else last = Number(line);
    });
  });
  const gone = once(child, 'close');
  await Promise.race([ready, gone]);
  assert.equal(child.exitCode, null, 'the writer starts, whatever the last kill left behind');
  await systemClock.sleep(ms);
  child.kill('SIGKILL');
  await gone;
  return last;
}

test('killed at any moment: both files are the old or the new ones, and nothing stays beside them', { timeout: 300_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-config-kill-'));
  try {
    const [stateDir, config] = [join(dir, 'state'), join(dir, 'etc')];
    for (const path of [stateDir, config]) mkdirSync(path, { mode: 0o700 });
    writeFileSync(join(config, 'agent.yaml'), '# ours\nlogs:\n  files: 2 # at least\n', { mode: 0o600 });
    writeFileSync(join(config, 'api.yaml'), 'api:\n  limits: {connections: 1002}\n', { mode: 0o600 });
    const found = { configPath: config, env: {}, cwd: dir, stateDir };
    const read = (): string[] => ['agent.yaml', 'api.yaml'].map((name) => readFileSync(join(config, name), 'utf8'));
    for (let n = 0; n < kills; n++) {
      const acknowledged = await life(stateDir, config, Math.random() * 60);
      finishPending(stateDir, configFiles(found));
      const { settings } = loadSettings(found);
      const { files } = settings.logs;
      assert.deepEqual(read(), [`# ours\nlogs:\n  files: ${files} # at least\n`, `api:\n  limits: {connections: ${files + 1000}}\n`]);
      if (acknowledged !== undefined) assert.ok(files === acknowledged || files === acknowledged + 1, `${files} after ${acknowledged}`);
      assert.deepEqual(readdirSync(config), ['agent.yaml', 'api.yaml']);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

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
