/** docs/install.md, command by command as it stands there, on a machine with a real systemd. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { foreign, root, until } from '../helpers/daemon.ts';
import { startMachine, whyNoMachine } from '../helpers/machine.ts';

const page = readFileSync(join(root, 'docs/install.md'), 'utf8');
const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');

/** What each block must print, in order. */
const expected: readonly RegExp[] = [
  /sboxagent runs/,
  /Status: "HEALTHY[\s\S]*HEALTHY/,
  /applied|revision/,
  /edge\s+READY/,
  /revision/,
  /edge runs with revision 2/,
  /dashboard/,
  /"status": ?"(HEALTHY|HEALTH_STATUS_HEALTHY)"/i,
  /cgroups[\s\S]*agent\.started[\s\S]*agent started/,
  /sboxagent runs/,
  /^\s*$/,
  /edge\s+READY/,
  /^\s*$/,
];
const singBox = foreign('sing-box');
const skip = whyNoMachine() || (singBox === undefined && 'there is no sing-box');

test('docs/install.md runs as it is written', { skip, timeout: 300_000 }, async (t) => {
  assert.equal(blocks.length, expected.length, 'every block of the page has its expectation');
  const { run, sh } = await startMachine(t);
  await sh(`ln -s /opt/sboxagent/node_modules/.bin/node /usr/local/bin/node; install -m 755 ${singBox} /usr/local/bin/sing-box`);
  // The machine has no network: another server answers there.
  await sh(
    `systemd-run --quiet --unit=server /usr/local/bin/node -e 'require("node:http").createServer((_, answer) => answer.writeHead(204).end()).listen(9000, "127.0.0.1")'`,
  );
  for (const [i, written] of blocks.entries()) {
    const block = written.replaceAll('http://cp.cloudflare.com/', 'http://127.0.0.1:9000/');
    if (i === blocks.length - 1) assert.equal(await sh("find /var/lib/sboxagent /etc/sboxagent ! -user sboxagent ! -path '*/tls'"), '');
    const { code, stdout, stderr } = await run(`set -e\ncd /root\n${block}`);
    const what = `block ${i + 1} (${code}):\n${block}\n${stdout}\n${stderr}`;
    assert.equal(code, 0, what);
    // What is still starting is looked at again, as a person would.
    const lastLine = block.trim().split('\n').at(-1) ?? '';
    const holds = async (): Promise<boolean> => (expected[i] ?? /^$/).test(lastLine === 'sboxagent ps' ? await sh(lastLine) : stdout);
    await until(what, holds, lastLine === 'sboxagent ps' ? 30_000 : 0);
  }
});
