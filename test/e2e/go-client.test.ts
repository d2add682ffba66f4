/** The Go example: its stubs are made of the protos, it is built, and it watches over a kill -9 of the daemon. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Daemon, makeDaemon, root, runProgram, until } from '../helpers/daemon.ts';

const source = join(root, 'examples/go');
const skip = spawnSync('go', ['version']).status === 0 ? false : 'no Go here';
const dir = mkdtempSync(join(tmpdir(), 'sboxagent-go-'));
const client = join(dir, 'sboxagent-go');
let daemon: Daemon;

describe('a client in Go', { skip, timeout: 400_000 }, () => {
  before(async () => {
    const unit = { command: ['/bin/sleep', '1000'], on_agent_exit: 'stop', autostart: true };
    daemon = await makeDaemon({ config: { processes: { units: { edge: unit } } } });
    await daemon.start();
    const generated = await runProgram([join(source, 'generate')], { timeoutMs: 200_000 });
    assert.equal(generated.code, 0, generated.stderr);
    const built = await runProgram(['go', 'build', '-C', source, '-o', client, '.'], { timeoutMs: 300_000 });
    assert.equal(built.code, 0, built.stderr);
  });
  after(async () => {
    await daemon?.dispose();
    rmSync(dir, { recursive: true, force: true });
  });

  const socket = (): string => `unix:${join(daemon.stateDir, 'api.sock')}`;

  test('over the unix socket, and over TCP with a token', async () => {
    for (const where of [
      ['-target', socket()],
      ['-target', `127.0.0.1:${daemon.port}`, '-token-file', join(daemon.stateDir, 'admin.token')],
    ]) {
      const { code, stdout, stderr } = await runProgram([client, ...where, 'status']);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^e2e \S+ is HEALTHY\nedge (RUNNING|READY) pid \d+\n$/);
    }
  });

  test('an error has its reason', async () => {
    writeFileSync(join(dir, 'token'), 'x'.repeat(40));
    const { code, stderr } = await runProgram([client, '-target', `127.0.0.1:${daemon.port}`, '-token-file', join(dir, 'token'), 'status']);
    assert.equal(code, 1);
    assert.match(stderr, /\(Unauthenticated TOKEN_INVALID\)/);
  });

  test('a watch goes on over a kill -9: each event once, in order', async () => {
    const child = spawn(client, ['-target', socket(), 'watch', '-types', 'go.test', '-count', '20'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => {
      out += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      err += String(chunk);
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    for (let n = 0; n < 20; n++) {
      if (n === 10) {
        await until('the first half', () => out.split('\n').length === 11);
        await daemon.kill('SIGKILL');
        await until('the loss is noticed', () => err.includes('trying again'));
        await daemon.start();
      }
      const { status } = await daemon.rest('POST', '/api/v1/events', { type: 'go.test', subject: `s${n}` });
      assert.equal(status, 201);
    }
    assert.equal(await ended, 0, err);
    const subjects = out.split('\n').flatMap((line) => line.split(' ')[2] ?? []);
    assert.deepEqual(
      subjects,
      Array.from({ length: 20 }, (_, n) => `s${n}`),
    );
  });
});
