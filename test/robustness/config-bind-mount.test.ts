/** A configuration file that is a mount of its own, as containers have it: nothing can be renamed over it. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/kernel/clock.ts';

const writer = fileURLToPath(new URL('../fixtures/config-writer.ts', import.meta.url));
const mayMount = spawnSync('unshare', ['-rm', 'sh', '-c', 'mount --bind /etc/hostname /etc/hosts']).status === 0;

test('it is changed in place, and a kill in the middle is made good', { skip: !mayMount && 'no mounts in a namespace here' }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-bind-'));
  try {
    const [stateDir, etc, real] = [join(dir, 'state'), join(dir, 'etc'), join(dir, 'real.yaml')];
    for (const path of [stateDir, etc]) mkdirSync(path, { mode: 0o700 });
    const text = (n: number): string => `# ours\nlogs:\n  files: ${n} # at least\napi:\n  limits: {connections: ${n + 1000}}\n`;
    writeFileSync(real, text(2), { mode: 0o600 });
    writeFileSync(join(etc, 'sboxagent.yaml'), '', { mode: 0o600 });
    let acknowledged = 2;
    for (let life = 0; life < 6; life++) {
      const run = 'mount --bind "$1" "$2" && exec "$3" "$4" "$5" "$2"';
      const args = ['-rm', 'sh', '-c', run, 'sh', real, join(etc, 'sboxagent.yaml'), process.execPath, writer, stateDir];
      const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
      assert.equal((await lines.next()).value, 'ready', 'it starts, whatever the last kill left behind');
      for (let i = 0; i < 3; i++) acknowledged = Number((await lines.next()).value);
      await systemClock.sleep(Math.random() * 20);
      child.kill('SIGKILL');
      const gone = once(child, 'close');
      for (let line = await lines.next(); !line.done; line = await lines.next()) acknowledged = Number(line.value);
      await gone;
      const n = Number(/files: (\d+)/.exec(readFileSync(real, 'utf8'))?.[1]);
      assert.ok(n === acknowledged || n === acknowledged + 1, `${n} after ${acknowledged}`);
      const strays = readdirSync(etc).filter((name) => name !== 'sboxagent.yaml');
      assert.ok(strays.length <= 1, `what one kill leaves beside it, the next start clears: ${strays.join(', ')}`);
    }
    assert.ok(acknowledged > 8);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
