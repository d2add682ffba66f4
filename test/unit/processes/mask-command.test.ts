import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskCommand } from '../../../src/processes/mask-command.ts';

test('secrets in arguments read ***', () => {
  const table: readonly (readonly [readonly string[], readonly string[]])[] = [
    [
      ['a', '--token', 'abc', 'b'],
      ['a', '--token', '***', 'b'],
    ],
    [
      ['a', '--auth-token=abc'],
      ['a', '--auth-token=***'],
    ],
    [
      ['a', '-password', 'x'],
      ['a', '-password', '***'],
    ],
    [
      ['env', 'API_KEY=abc', 'HOME=/h'],
      ['env', 'API_KEY=***', 'HOME=/h'],
    ],
    [
      ['curl', 'https://me:pw@host/p?q=1'],
      ['curl', 'https://***@host/p?q=1'],
    ],
    [
      ['a', '--tokens', '3', 'token'],
      ['a', '--tokens', '3', 'token'],
    ],
    [
      ['run', '-c', '/etc/secret/config.json'],
      ['run', '-c', '/etc/secret/config.json'],
    ],
  ];
  for (const [command, masked] of table) assert.deepEqual(maskCommand(command), masked);
});
