import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linePattern } from '../../../src/kernel/line-pattern.ts';
import { startCpuTime } from '../../helpers/cpu-time.ts';

const evil = `${'a'.repeat(60)}!`;

test('what matches is what a regular expression matches', () => {
  const rows: readonly (readonly [pattern: string, line: string, matches: boolean])[] = [
    ['sing-box started', 'INFO sing-box started (0.05s)', true],
    ['^sing-box', 'INFO sing-box', false],
    ['\\d{1,3}\\.\\d{1,3}s$', 'up (12.5s', true],
    ['(ready|up) and', 'server up and running', true],
    ['порт \\d+', 'порт 443', true],
    ['started(?! with errors)', 'started with errors', false],
    ['started(?! with errors)', 'started', true],
    ['(\\w)\\1', 'hello', true],
    ['^(a{1,50})+$', 'a'.repeat(200), true],
  ];
  for (const [pattern, line, matches] of rows) assert.equal(linePattern(pattern).test(line), matches, `${pattern} on ${line}`);
  assert.throws(() => linePattern('('), SyntaxError);
});

test('no line holds up the agent, whatever the pattern; one that takes too long is given up', () => {
  const cpu = startCpuTime();
  for (const pattern of ['^(a+)+$', '(a|aa)+$', '(.*)*x', '(x+x+)+y']) assert.equal(linePattern(pattern).test(evil), false, pattern);
  let givenUp = 0;
  const slow = linePattern('^(a{1,50})+$', { onGivenUp: () => (givenUp += 1) });
  for (let line = 0; line < 10; line += 1) assert.equal(slow.test(evil), false);
  assert.equal(givenUp, 1);
  assert.equal(slow.test('aa'), false);
  assert.ok(cpu() < 5000, `${cpu()} ms`);
});
