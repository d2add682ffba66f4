import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeShellStatus, describeEnd, succeeded } from '../../../src/processes/exit-status.ts';

test('a signal is told from an exit with 128+n', () => {
  const table = [
    [0, '', false, 'exit code 0'],
    [127, 'not found', false, 'exit code 127'],
    [137, 'Killed', false, 'signal SIGKILL'],
    [137, '', false, 'exit code 137'],
    [139, 'Segmentation fault (core dumped)', false, 'signal SIGSEGV'],
    [134, 'Aborted', false, 'signal SIGABRT'],
    [143, 'Terminated', false, 'signal SIGTERM'],
    [143, '', false, 'exit code 143'],
    [143, '', true, 'signal SIGTERM'],
    [130, '', false, 'signal SIGINT'],
    [141, '', false, 'signal SIGPIPE'],
    [255, 'words', false, 'exit code 255'],
  ] as const;
  for (const [status, words, bash, told] of table) assert.equal(describeEnd(decodeShellStatus(status, words, bash)), told);
});

test('only exit code 0 is a success', () => {
  assert.ok(succeeded({ kind: 'code', code: 0 }));
  assert.ok(!succeeded({ kind: 'code', code: 1 }) && !succeeded({ kind: 'signal', signal: 'SIGTERM' }) && !succeeded({ kind: 'unknown' }));
});
