/** The program as one file: it unpacks itself where nobody else writes, and is client and daemon. */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root, runProgram, until } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';

const dir = mkdtempSync(join(tmpdir(), 'sboxagent-single-'));
const at = (name: string): string => join(dir, name);
const program = at('sboxagent');
const env = { PATH: '/usr/bin:/bin', HOME: dir, XDG_CACHE_HOME: at('cache'), SBOXAGENT_SBOXMGR_SOCKET_PATH: at('sboxmgr.sock') };

before(() => void execFileSync(process.execPath, [join(root, 'deploy/single-file/build.ts'), dir], { stdio: 'inherit' }), {
  timeout: 300_000,
});
after(() => rmSync(dir, { recursive: true, force: true }));

test('several that start at once unpack it once, and each runs', async () => {
  const ran = await Promise.all(Array.from({ length: 3 }, () => runProgram([program, 'version'], { env, timeoutMs: 120_000 })));
  for (const { code, stdout, stderr } of ran) {
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^sboxagent \d+\.\d+\.\d+.*Node 24\./);
  }
  const [unpacked = '', ...others] = readdirSync(at('cache/sboxagent/single-file')).filter((name) => name !== 'code');
  assert.deepEqual(others, []);
  for (const name of ['sbom.cdx.json', 'licences.txt'])
    assert.ok(existsSync(at(join('cache/sboxagent/single-file', unpacked, name))), name);
  assert.match((await runProgram([program, '--json'], { env })).stdout, /^\{"success":/);
});

test('it is the daemon too, with its console and its client', { timeout: 120_000 }, async (t) => {
  const port = await freePort();
  const daemon = spawn(program, ['serve', '--state-dir', at('state')], {
    env: { ...env, SBOXAGENT_API_PORT: String(port) },
    stdio: 'ignore',
  });
  const ended = new Promise<number | null>((resolve) => daemon.once('exit', resolve));
  t.after(() => void daemon.kill('SIGKILL'));
  await until('its health', async () => (await fetch(`http://127.0.0.1:${port}/api/v1/health`)).status === 200);
  assert.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /<!doctype html>/i);
  assert.match((await runProgram([program, 'status', '--state-dir', at('state')], { env })).stdout, /HEALTHY/);
  assert.match((await runProgram([program, 'call', 'AgentService.GetStatus', '--state-dir', at('state')], { env })).stdout, /"version"/);
  daemon.kill('SIGTERM');
  assert.equal(await ended, 0);
});

test('a cache that others can write is refused', async () => {
  const open = at('open/sboxagent/single-file');
  mkdirSync(open, { recursive: true });
  chmodSync(open, 0o777);
  const { code, stderr } = await runProgram([program, 'version'], { env: { ...env, XDG_CACHE_HOME: at('open') } });
  assert.equal(code, 78);
  assert.match(stderr, /can be written by others/);
  assert.ok(existsSync(open));
});
