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
import { systemClock } from '../../src/kernel/clock.ts';
import { configFiles, loadSettings } from '../../src/settings/index.ts';

const writer = fileURLToPath(new URL('../fixtures/config-writer.ts', import.meta.url));
const kills = 12;

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
