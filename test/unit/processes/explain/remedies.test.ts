import assert from 'node:assert/strict';
import { test } from 'node:test';
import { remediesOf } from '../../../../src/processes/explain/remedies.ts';
import type { ProcessView } from '../../../../src/processes/types.ts';
import { processView } from '../../../helpers/api-fakes.ts';

const view = (over: Partial<ProcessView>): ProcessView =>
  processView('edge', { engine: 'sing-box', configPath: '/etc/edge.json', dependsOn: ['dns'], ...over });
const nothing = { hasDiff: false, lastGood: 0 };

const table: readonly (readonly [string, Partial<ProcessView>, { hasDiff: boolean; lastGood: number }, readonly RegExp[]])[] = [
  ['well', { state: 'READY' }, nothing, []],
  [
    'well, its file changed by hand',
    { state: 'READY' },
    { hasDiff: true, lastGood: 3 },
    [/apply edge -f \/etc\/edge\.json/, /rollback edge 3/],
  ],
  ['waits', { state: 'BACKOFF', reason: 'EXIT_CODE' }, nothing, [/start edge/, /logs edge/]],
  [
    'its config was changed and it fails',
    { state: 'CRASH_LOOP', reason: 'EXIT_CODE' },
    { hasDiff: true, lastGood: 2 },
    [/rollback edge 2/, /logs edge/, /start edge/],
  ],
  ['the engine refuses it', { state: 'CRASH_LOOP', reason: 'CONFIG_REFUSED' }, nothing, [/correct \/etc\/edge\.json/, /start edge/]],
  ['no program', { state: 'EXITED', reason: 'BINARY_NOT_FOUND' }, nothing, [/install sing-box/, /start edge/]],
  ['out of memory', { state: 'BACKOFF', reason: 'OOM_KILLED' }, nothing, [/start edge/, /limits\.memory/]],
  ['its dependency', { state: 'STOPPED', reason: 'DEPENDENCY_NOT_READY' }, nothing, [/explain dns/, /start edge/]],
  ['nobody wants it', { state: 'STOPPED' }, nothing, [/start edge/]],
];

for (const [name, over, findings, expected] of table) {
  test(`what to do: ${name}`, () => {
    const remedies = remediesOf(view(over), findings);
    assert.equal(remedies.length, expected.length, remedies.join('\n'));
    for (const [i, form] of expected.entries()) assert.match(remedies[i] ?? '', form);
  });
}
