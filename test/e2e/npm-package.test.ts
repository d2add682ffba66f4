/** What `npm pack` makes of the staged directory, installed as people do (`npm i -g`): both names run, the daemon serves. */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, runProgram, until } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

test('npm pack, npm i -g, sboxagent and sbox-agent', { timeout: 400_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-npm-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const at = (name: string): string => join(dir, name);
  execFileSync(process.execPath, [join(root, 'deploy/package/stage.ts'), at('staged')], { stdio: 'ignore' });
  const packed = await runProgram(['npm', 'pack', '--silent', '--pack-destination', dir, at('staged')], { timeoutMs: 60_000 });
  assert.equal(packed.stdout.trim(), `sboxagent-${version}.tgz`, packed.stderr);
  const install = [
    'npm',
    'i',
    '-g',
    '--silent',
    '--prefer-offline',
    '--ignore-scripts',
    '--prefix',
    at('prefix'),
    at(`sboxagent-${version}.tgz`),
  ];
  const installed = await runProgram(install, { timeoutMs: 300_000 });
  assert.equal(installed.code, 0, installed.stderr);
  assert.deepEqual(readdirSync(at('prefix/bin')).sort(), ['sbox-agent', 'sboxagent']);
  assert.deepEqual(readdirSync(at('prefix/share/man')).sort(), ['man1', 'man5']);

  const env = { XDG_CACHE_HOME: at('cache'), SBOXAGENT_SBOXMGR_SOCKET_PATH: at('sboxmgr.sock') };
  const ran = await runProgram([at('prefix/bin/sboxagent'), 'version'], { env });
  assert.match(ran.stdout, new RegExp(`^sboxagent ${version.replaceAll('.', '\\.')}.*Node 24\\.`), ran.stderr);
  assert.match((await runProgram([at('prefix/bin/sbox-agent'), '--json'], { env })).stdout, /^\{"success":/);

  const shipped = (name: string): string => readFileSync(at(`prefix/lib/node_modules/sboxagent/${name}`), 'utf8');
  assert.equal(JSON.parse(shipped('sbom.cdx.json')).bomFormat, 'CycloneDX');
  assert.match(shipped('licences.txt'), /^@grpc\/grpc-js \d/m);

  const port = await freePort();
  const daemon = spawn(at('prefix/bin/sboxagent'), ['serve', '--state-dir', at('state')], {
    env: { ...process.env, ...env, SBOXAGENT_API_PORT: String(port) },
    stdio: 'ignore',
  });
  const ended = new Promise<number | null>((resolve) => daemon.once('exit', resolve));
  t.after(() => void daemon.kill('SIGKILL'));
  await until('its health', async () => (await fetch(`http://127.0.0.1:${port}/api/v1/health`)).status === 200);
  assert.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /console\.js/);
  assert.equal((await fetch(`http://127.0.0.1:${port}/console.js`)).status, 200);
  assert.match(await (await fetch(`http://127.0.0.1:${port}/docs`)).text(), /swagger-ui-bundle\.js/);
  assert.equal((await fetch(`http://127.0.0.1:${port}/docs/swagger-ui/swagger-ui-bundle.js`)).status, 200);
  assert.equal((await fetch(`http://127.0.0.1:${port}/openapi.json`)).status, 401, 'it is there, for who has a token');
  assert.match((await runProgram([at('prefix/bin/sboxagent'), 'status', '--state-dir', at('state')], { env })).stdout, /HEALTHY/);
  daemon.kill('SIGTERM');
  assert.equal(await ended, 0);
});
