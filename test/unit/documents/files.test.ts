import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notWritten } from '../../../src/documents/files.ts';
import { AgentError } from '../../../src/kernel/errors.ts';

test('a full disk is told apart from one that cannot be written', () => {
  const fault = (code: string): Error => Object.assign(new Error('no'), { code });
  const causes = [
    fault('ENOSPC'),
    fault('EDQUOT'),
    new AgentError('JOURNAL_FULL', 'full'),
    fault('EACCES'),
    new AgentError('INTERNAL', 'x'),
  ];
  const told = causes.map((cause) => notWritten('/etc/agent.yaml', cause));
  assert.deepEqual(
    told.map(({ reason, code }) => `${reason} ${code}`),
    [
      ...['DISK_FULL resource_exhausted', 'DISK_FULL resource_exhausted', 'DISK_FULL resource_exhausted'],
      ...['CONFIG_NOT_WRITTEN unavailable', 'CONFIG_NOT_WRITTEN unavailable'],
    ],
  );
  assert.deepEqual([told[0]?.retryAfterMs, told[3]?.retryAfterMs], [1000, undefined]);
});
