/** What `npm pack` makes of the TypeScript client: its programs, those of its README too, run and compile against the package alone. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Daemon, makeDaemon, root, runProgram } from '../helpers/daemon.ts';

const dir = mkdtempSync(join(tmpdir(), 'sboxagent-ts-'));
const app = join(dir, 'app');
const modules = join(app, 'node_modules');
let daemon: Daemon;

before(async () => {
  execFileSync(process.execPath, [join(root, 'clients/typescript/build.ts'), join(dir, 'staged')], { stdio: 'inherit' });
  const packed = await runProgram(['npm', 'pack', '--silent', '--pack-destination', dir, join(dir, 'staged')], { timeoutMs: 60_000 });
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  assert.equal(packed.stdout.trim(), `sboxagent-client-${version}.tgz`, packed.stderr);
  mkdirSync(modules, { recursive: true });
  execFileSync('tar', ['-xzf', join(dir, packed.stdout.trim()), '-C', dir]);
  cpSync(join(dir, 'package'), join(modules, 'sboxagent-client'), { recursive: true });
  // What npm would fetch lies here already.
  for (const name of ['@bufbuild', '@connectrpc', '@types']) symlinkSync(join(root, 'node_modules', name), join(modules, name));
  writeFileSync(join(app, 'package.json'), '{"type": "module"}');
  daemon = await makeDaemon();
  await daemon.start();
});
after(async () => {
  await daemon?.dispose();
  rmSync(dir, { recursive: true, force: true });
});

const run = (script: string, env: Readonly<Record<string, string>> = {}) =>
  runProgram([process.execPath, script], { env: { SBOXAGENT_AGENT_STATE_DIR: daemon.stateDir, ...env }, timeoutMs: 60_000 });

test('the programs of its README run, in their order, and compile', async () => {
  const blocks = readFileSync(join(root, 'clients/typescript/README.md'), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms);
  const programs = [...blocks].map(([, text = ''], i) => {
    const path = join(app, `readme-${i}.ts`);
    writeFileSync(path, text);
    return path;
  });
  assert.equal(programs.length, 2);
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--lib', 'esnext,dom', '--types', 'node'];
  const checked = await runProgram([join(root, 'node_modules/.bin/tsc'), '--ignoreConfig', ...options, ...programs], {
    timeoutMs: 120_000,
  });
  assert.equal(checked.code, 0, checked.stdout);
  for (const [i, wanted] of [/PROCESS_NOT_FOUND \{ process_id: 'edge' \}/, /config\.generated my-tool/].entries()) {
    const { code, stdout, stderr } = await run(programs[i] ?? '');
    assert.equal(code, 0, stderr);
    assert.match(stdout, wanted);
  }
});

test('its form for browsers is what a bundler is given, and needs nothing of Node', async () => {
  const path = join(app, 'page.js');
  writeFileSync(
    path,
    `import { AgentClient } from 'sboxagent-client';
const agent = new AgentClient({ target: process.env.TEST_TARGET, token: process.env.TEST_TOKEN });
console.log('close' in agent, (await agent.getStatus({})).name);\n`,
  );
  const env = { TEST_TARGET: daemon.base, TEST_TOKEN: daemon.token() };
  const { stdout, stderr } = await runProgram([process.execPath, '--conditions=browser', path], { env, timeoutMs: 60_000 });
  assert.equal(stdout, 'false e2e\n', stderr);
  const files = ['browser', 'client', 'common', 'errors', 'event-stream', 'interceptors', 'messages'];
  for (const name of files) {
    assert.doesNotMatch(readFileSync(join(modules, 'sboxagent-client/dist', `${name}.js`), 'utf8'), /from ['"]node:|connect-node/);
  }
});
