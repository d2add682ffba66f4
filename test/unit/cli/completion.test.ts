import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { commands } from '../../../src/cli/command-table.ts';
import { bashScript } from '../../../src/cli/completion/bash.ts';
import { fishScript } from '../../../src/cli/completion/fish.ts';
import { zshScript } from '../../../src/cli/completion/zsh.ts';
import { cli } from '../../helpers/cli-io.ts';

/** What bash offers for a line whose last word is being typed; `sboxagent ps` is a function that answers two ids. */
function bashOffers(...words: string[]): string[] {
  const script = `${bashScript()}
sboxagent() { printf 'ID STATE\\nedge READY\\nidle STOPPED\\n'; }
COMP_WORDS=(sboxagent ${words.map((w) => `'${w}'`).join(' ')})
COMP_CWORD=${words.length}
_sboxagent
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' })
    .split('\n')
    .filter((word) => word !== '');
}

test('bash completes commands, flags, values and ids', () => {
  assert.deepEqual(bashOffers('st'), ['status', 'start', 'stop']);
  assert.deepEqual(bashOffers('').toSorted(), commands.map(({ name }) => name).toSorted());
  assert.deepEqual(bashOffers('token', ''), ['create', 'list', 'revoke']);
  assert.deepEqual(bashOffers('token', 'create', '--sc'), ['--scope']);
  assert.deepEqual(bashOffers('ps', '-o', 'j'), ['json']);
  assert.deepEqual(bashOffers('logs', '--level', 'w'), ['warn']);
  assert.deepEqual(bashOffers('restart', ''), ['edge', 'idle']);
  assert.deepEqual(bashOffers('restart', 'e'), ['edge']);
  assert.deepEqual(bashOffers('completion', 'z'), ['zsh']);
});

test('every shell knows every command', () => {
  for (const script of [bashScript(), zshScript(), fishScript()]) {
    for (const { name } of commands) assert.ok(script.includes(name), name);
  }
});

test('what is printed is the script; another shell is bad usage', async () => {
  assert.deepEqual(await cli(['completion', 'bash']), { code: 0, out: bashScript(), err: '' });
  const other = await cli(['completion', 'tcsh']);
  assert.deepEqual([other.code, other.out], [2, '']);
  assert.match(other.err, /tcsh/);
});
