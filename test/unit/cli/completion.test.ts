import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandSpec } from '../../../src/cli/command-spec.ts';
import { commands } from '../../../src/cli/command-table.ts';
import { completionOf, readCommandLine } from '../../../src/cli/completion/command-line.ts';
import { bashScript } from '../../../src/cli/completion/scripts.ts';
import { cli } from '../../helpers/cli-io.ts';

test('a line is read as the parser would read it', () => {
  const line = readCommandLine(['--state-dir', '/x', 'plugins', '-o=json', 'config', 'get', '--timeout', '5s', 'geo']);
  assert.equal(line.command?.name, 'get');
  assert.deepEqual(line.given, { stateDir: '/x', output: 'json', timeout: '5s' });
  assert.deepEqual(line.args, ['geo']);
  assert.equal(completionOf(line), 'plugin-key');
  assert.equal(readCommandLine(['logs', '--level']).open?.name, 'level');
});

test('whoever takes an argument says what completes it', () => {
  const free = new Set(['json', 'shell']);
  const check = ({ name, args = '', completes = [], subcommands = [] }: CommandSpec): void => {
    const words = args.match(/[<[]([\w-]+)/g)?.map((word) => word.slice(1)) ?? [];
    const needed = words.filter((word) => !free.has(word)).length;
    assert.ok(completes.length >= needed, `${name} ${args}`);
    subcommands.forEach(check);
  };
  commands.forEach(check);
});

test('what is printed is the script; another shell is bad usage', async () => {
  assert.deepEqual(await cli(['completion', 'bash']), { code: 0, out: bashScript, err: '' });
  const other = await cli(['completion', 'tcsh']);
  assert.deepEqual([other.code, other.out], [2, '']);
  assert.match(other.err, /tcsh/);
});
