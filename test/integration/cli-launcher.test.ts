import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { until } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';

const program = join(import.meta.dirname, '../../bin/sboxagent');
const dir = mkdtempSync(join(tmpdir(), 'sboxagent launcher '));
after(() => rmSync(dir, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(file: string, argv: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(file, argv, { cwd: dir, env: { PATH: '/usr/bin:/bin', HOME: dir }, ...options }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out, err });
    });
  });
}

test('it finds the project from anywhere, by whatever link', async () => {
  symlinkSync(program, join(dir, 'absolute'));
  mkdirSync(join(dir, 'links'));
  symlinkSync('../absolute', join(dir, 'links/relative'));
  for (const [file, cwd] of [
    [program, '/'],
    [join(dir, 'absolute'), dir],
    ['./relative', join(dir, 'links')],
    ['bin/sboxagent', dirname(dirname(program))],
  ] as const) {
    const { code, out, err } = await run(file, ['version'], { cwd });
    assert.equal(code, 0, `${file}: ${err}`);
    assert.match(out, /^sboxagent \d/);
  }
  assert.match((await run('sh', ['-c', 'PATH="$PATH:$0" absolute version', dir])).out, /^sboxagent \d/);
});

test('what it keeps lies in the cache of the user, for no one else', async () => {
  assert.equal((await run(program, ['version'])).code, 0);
  assert.equal(statSync(join(dir, '.cache/sboxagent')).mode & 0o077, 0);
  assert.equal(existsSync(join(dirname(program), '../.cache')), false);
  // Neither a home nor a cache that cannot be written is in the way.
  assert.equal((await run(program, ['version'], { env: { PATH: '/usr/bin:/bin' } })).code, 0);
  assert.equal((await run(program, ['version'], { env: { PATH: '/usr/bin:/bin', HOME: '/proc/none' } })).code, 0);
});

test('it becomes the program: one process, whose pid is known', async () => {
  const child = spawn(program, ['call', 'EventService.PublishEvents', '--target', '127.0.0.1:1'], { stdio: ['pipe', 'ignore', 'ignore'] });
  const [code] = await once(child, 'exit');
  assert.equal(code, 3);
  const shell = spawn(program, ['example-proxy'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: '/usr/bin:/bin', SBOXAGENT_EXAMPLE_PROXY_PORT: '0' },
  });
  await once(shell.stdout, 'data');
  shell.kill('SIGTERM');
  const [ended] = await once(shell, 'exit');
  assert.equal(ended, 0);
});

test('a signal to npm start ends the agent and what it keeps', async () => {
  const state = join(dir, 'npm state');
  const port = String(await freePort());
  const env = { ...process.env, SBOXAGENT_AGENT_STATE_DIR: state, SBOXAGENT_API_PORT: port, SBOXAGENT_EXAMPLE_PROXY_PORT: '0' };
  const npm = spawn('npm', ['start'], { cwd: dirname(dirname(program)), env, stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  npm.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await until('the agent', () => said.includes('agent started'));
  npm.kill('SIGTERM');
  // The pipe closes when the last of them has ended.
  await once(npm, 'close');
  assert.match(said, /curl -x http:\/\/127\.0\.0\.1:0 http:[\s\S]*agent stopping/);
});

test('without Node, with an old one, without packages: 78 and one line', async () => {
  const bare = join(dir, 'bare');
  mkdirSync(join(bare, 'bin'), { recursive: true });
  cpSync(program, join(bare, 'bin/sboxagent'));
  const path = join(dir, 'path');
  mkdirSync(path);
  for (const tool of ['sh', 'readlink', 'mkdir']) symlinkSync(`/bin/${tool}`, join(path, tool));
  const launch = () => run(join(bare, 'bin/sboxagent'), ['version'], { env: { PATH: path } });
  const none = await launch();
  assert.deepEqual([none.code, none.out], [78, '']);
  assert.match(none.err, /^sboxagent: Node 24 is needed and no Node was found; run `npm ci` in .*\n$/);
  writeFileSync(join(path, 'node'), '#!/bin/sh\necho v20.1.0\n', { mode: 0o755 });
  assert.match((await launch()).err, /^sboxagent: Node 24 is needed and v20\.1\.0 was found/);
  writeFileSync(join(path, 'node'), '#!/bin/sh\necho v24.1.0\n', { mode: 0o755 });
  const empty = await launch();
  assert.deepEqual([empty.code, empty.out], [78, '']);
  assert.match(empty.err, /^sboxagent: the packages it needs are not there; run `npm ci`/);
});

test('a daemon is not killed by SIGHUP while it is being launched', async () => {
  const bare = join(dir, 'signals');
  mkdirSync(join(bare, 'bin'), { recursive: true });
  mkdirSync(join(bare, 'node_modules/.bin'), { recursive: true });
  mkdirSync(join(bare, 'node_modules/@grpc/grpc-js'), { recursive: true });
  cpSync(program, join(bare, 'bin/sboxagent'));
  const node = '#!/bin/sh\nkill -HUP $$\necho "$2 lives"\n';
  writeFileSync(join(bare, 'node_modules/.bin/node'), node, { mode: 0o755 });
  assert.match((await run(join(bare, 'bin/sboxagent'), ['serve'])).out, /lives/);
  assert.equal((await run(join(bare, 'bin/sboxagent'), ['version'])).out, '', 'a client command ends by it');
});
