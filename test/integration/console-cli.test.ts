/** `sboxagent console`: a token that soon expires, and a browser that is handed no secret in its arguments. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openPage } from '../../src/cli/browser.ts';
import { pageAddress } from '../../src/cli/commands/console.ts';
import { type Daemon, makeDaemon, program, runProgram, until } from '../helpers/daemon.ts';

let dir = '';
let daemon: Daemon;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'console-cli-'));
  daemon = await makeDaemon();
  await daemon.start();
});
after(async () => {
  await daemon.dispose();
  rmSync(dir, { recursive: true, force: true });
});

const run = (...args: readonly string[]) =>
  runProgram([program, 'console', ...args, '--config', daemon.configPath, '--state-dir', daemon.stateDir]);

test('it gives the address of the page with a token of few scopes that expires', async () => {
  const { code, stdout, stderr } = await run('-o', 'json');
  assert.equal(code, 0, stderr);
  const made = JSON.parse(stdout) as { url: string; id: string; scopes: string[]; expire_time: string; opened: boolean };
  assert.deepEqual([made.scopes, made.opened], [['read', 'operate'], false]);
  const hours = (Date.parse(made.expire_time) - Date.now()) / 3_600_000;
  assert.ok(hours > 11 && hours <= 12, `${hours}`);
  const [address = '', token = ''] = made.url.split('/#token=');
  assert.equal(address, daemon.base);
  const status = await fetch(`${address}/api/v1/status`, { headers: { authorization: `Bearer ${token}` } });
  assert.deepEqual(((await status.json()) as { caller: { name: string; scopes: string[] } }).caller.scopes, ['read', 'operate']);
  assert.equal(
    (await fetch(`${address}/api/v1/config:rollback`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })).status,
    403,
  );
  const audit = await fetch(`${address}/api/v1/audit?filter.methods=token.create&filter.targets=${made.id}`, {
    headers: { authorization: `Bearer ${daemon.token()}` },
  });
  const { entries } = (await audit.json()) as { entries: { via: string; code: string; changes: string[] }[] };
  assert.deepEqual(
    entries.map(({ via, code, changes }) => [via, code, changes]),
    [['cli', 'OK', ['scopes', 'name', 'ttl']]],
  );
});

test('scopes are by choice; no running agent is said, and leaves no token', async () => {
  const { stdout } = await run('-o', 'json', '--scope', 'read', '--ttl', '5m');
  assert.deepEqual((JSON.parse(stdout) as { scopes: string[] }).scopes, ['read']);
  assert.equal((await run('--scope', 'everything')).code, 2);
  assert.equal((await run('--target', '127.0.0.1:1')).code, 2);
  const idle = join(dir, 'idle');
  assert.equal((await runProgram([program, 'console', '--state-dir', idle])).code, 3);
  assert.equal(existsSync(idle), false);
});

test('the browser is handed a file that its user alone can read', async () => {
  const browser = join(dir, 'browser');
  const seen = join(dir, 'seen');
  writeFileSync(browser, `#!/bin/sh\necho "$@" >${seen}.part && mv ${seen}.part ${seen}\n`);
  chmodSync(browser, 0o755);
  const url = 'http://127.0.0.1:8080/#token=sbx_a&b"c';
  assert.equal(await openPage(url, dir, { BROWSER: browser }), true);
  const path = (await until('the browser', () => existsSync(seen) && readFileSync(seen, 'utf8'))).trim();
  assert.equal(path, join(dir, 'console.html'));
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.match(readFileSync(path, 'utf8'), /url=http:\/\/127\.0\.0\.1:8080\/#token=sbx_a&amp;b&quot;c"/);
  assert.equal(await openPage(url, dir, { BROWSER: join(dir, 'none') }), false);
  assert.equal(existsSync(path), false);
  assert.equal(await openPage(url, dir, {}), false);
});

test('the address is one that a browser of this machine reaches', () => {
  assert.equal(pageAddress(['unix:/run/x', 'http://0.0.0.0:8080']), 'http://127.0.0.1:8080');
  assert.equal(pageAddress(['https://[::]:8443']), 'https://[::1]:8443');
  assert.equal(pageAddress(['unix:/run/x']), undefined);
});
