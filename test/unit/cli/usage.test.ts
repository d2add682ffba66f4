import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { commands } from '../../../src/cli/command-table.ts';
import { cli } from '../../helpers/cli-io.ts';

test('bad usage: 2, one line that names the word, a hint, nothing on stdout', async () => {
  for (const [argv, word] of [
    [['fly'], 'fly'],
    [['statsu'], 'statsu'],
    [['ps', '--colour'], 'colour'],
    [['start'], 'id'],
    [['start', 'a', 'b'], 'too many arguments'],
    [['ps', '-o', 'xml'], 'xml'],
    [['-o', 'xml', 'ps'], 'xml'],
    [['token'], 'command is missing'],
    [['token', 'steal'], 'steal'],
    [['token', 'create'], '--scope'],
    [['token', 'create', '--scope', 'read,fly'], 'fly'],
    [['token', 'create', '--scope', 'read', '--ttl', 'long'], 'long'],
    [['token', 'list', '--target', 'a:1'], '--target'],
    [['events', '--after', 'x'], '--after'],
    [['call', 'x', '{}', 'y'], 'too many arguments'],
  ] as const) {
    const { code, out, err } = await cli([...argv]);
    assert.deepEqual([code, out], [2, ''], `${argv}: ${err}`);
    assert.ok(err.split('\n')[0]?.includes(word), `${argv}: ${err}`);
    assert.doesNotMatch(err, /^\s+at /m);
  }
});

test('a near miss is suggested', async () => {
  assert.match((await cli(['statsu'])).err, /Did you mean status\?/);
});

test('--help lists every command; each has its own', async () => {
  for (const argv of [['--help'], [], ['help'], ['-h']]) {
    const { code, out, err } = await cli(argv);
    assert.deepEqual([code, err], [0, '']);
    for (const { name } of commands) assert.match(out, new RegExp(`^  ${name}\\b`, 'm'));
  }
  for (const { name } of commands) {
    const { code, out } = await cli([name, '--help']);
    assert.equal(code, 0);
    assert.ok(out.startsWith(`Usage: sboxagent ${name}`), out);
  }
});

test("version is package.json's", async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  assert.ok((await cli(['version'])).out.startsWith(`sboxagent ${version}`));
  assert.ok((await cli(['--version'])).out.startsWith(`sboxagent ${version}`));
  assert.equal(JSON.parse((await cli(['version', '-o', 'json'])).out).version, version);
});
