/** The README's tour, command by command as it stands there, against the example that `npm start` runs (on other ports). */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { foreign, program, root, runProgram, until } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const tour = readme.slice(readme.indexOf('## A tour of five minutes'));
const blocks = [...tour.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');

/** What each block of the tour must print, in order. */
const expected: readonly RegExp[] = [
  /proxy\s+READY/,
  /"status":/,
  /^/,
  /^/,
  /"id":"proxy"[\s\S]*process\.exited[\s\S]*process\.ready/,
  /sboxagent\.v1\.EventService[\s\S]*"events"[\s\S]*"events"/,
  /sboxagent \d+\.\d+\.\d+[\s\S]*proxy: READY, pid \d+/,
];

const missing = [...(foreign('grpcurl') === undefined ? ['grpcurl'] : []), ...(existsSync('/usr/bin/python3') ? [] : ['python3'])];

test('the tour runs as it is written', { skip: missing.length > 0 ? `not on this machine: ${missing.join(', ')}` : false }, async (t) => {
  assert.equal(blocks.length, expected.length, 'every block of the tour has its expectation');
  const stateDir = mkdtempSync(join(tmpdir(), 'sboxagent-tour-'));
  const [port, proxyPort] = [await freePort(), await freePort()];
  const env = {
    SBOXAGENT_AGENT_STATE_DIR: stateDir,
    SBOXAGENT_API_PORT: String(port),
    SBOXAGENT_SBOXMGR_SOCKET_PATH: join(stateDir, 'sboxmgr.sock'),
    SBOXAGENT_EXAMPLE_PROXY_PORT: String(proxyPort),
    SBOXAGENT_CONFIG: join(root, 'examples/sboxagent.yaml'),
    PYTHONDONTWRITEBYTECODE: '1',
    PATH: `${dirname(foreign('grpcurl') ?? '')}:/usr/bin:${process.env['PATH']}`,
  };
  const daemon = spawn(program, ['serve'], { env: { ...process.env, ...env }, stdio: 'ignore' });
  const ended = new Promise((resolve) => daemon.once('exit', resolve));
  t.after(async () => {
    daemon.kill('SIGTERM');
    await ended;
    rmSync(stateDir, { recursive: true, force: true });
  });
  await until('the proxy', async () => (await runProgram([program, 'ps'], { env })).stdout.includes('READY'));

  const here = (text: string): string =>
    text
      .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)
      .replaceAll('127.0.0.1:3128', `127.0.0.1:${proxyPort}`)
      .replace(/^(sboxagent events -f .*)$/m, 'timeout 2 $1 || true');
  // The proxy that was killed comes back before what it told is looked at; curl's -m ends a stream with 28.
  const isBack = 'until [ "$(sboxagent events --type process.ready | grep -c process.ready)" -ge 2 ]; do sleep 0.2; done';
  const script = blocks.map((block, i) => `${here(block)}\n${i === 3 ? isBack : ''}\necho; echo "@@ ${i}"`).join('\n');
  const ran = await runProgram(['bash', '-c', `cd '${root}'; set +H; ${script}`], { env, timeoutMs: 240_000 });
  const parts = ran.stdout.split(/^@@ \d+$/m);
  expected.forEach((what, i) => {
    assert.match(parts[i] ?? '', what, `block ${i + 1}:\n${blocks[i]}\n${ran.stderr.slice(-800)}`);
  });
});
