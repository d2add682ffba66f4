import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AgentSelector, compileSelector, type Selectable } from '../../../src/fleet/selector.ts';

const fleet: readonly Selectable[] = [
  { name: 'eu-1', labels: { region: 'eu', tier: 'prod' } },
  { name: 'eu-2', labels: { region: 'eu', tier: 'test', gpu: '' } },
  { name: 'us-1', labels: { region: 'us', tier: 'prod' } },
  { name: 'lab', labels: {} },
];

const chosen = (selector: Partial<AgentSelector>): string[] => {
  const compiled = compileSelector({ agents: [], labels: '', ...selector });
  assert.ok(compiled.ok, compiled.ok ? '' : compiled.problem);
  return fleet.filter(compiled.selects).map(({ name }) => name);
};

const all = ['eu-1', 'eu-2', 'us-1', 'lab'];
const byLabels: readonly [string, readonly string[]][] = [
  ['', all],
  ['  ', all],
  ['region=eu', ['eu-1', 'eu-2']],
  ['region==eu', ['eu-1', 'eu-2']],
  ['region = eu', ['eu-1', 'eu-2']],
  ['region!=eu', ['us-1', 'lab']],
  ['region=eu,tier!=test', ['eu-1']],
  ['region in (eu, us), tier=prod', ['eu-1', 'us-1']],
  ['region in(eu)', ['eu-1', 'eu-2']],
  ['region notin (us)', ['eu-1', 'eu-2', 'lab']],
  ['gpu', ['eu-2']],
  ['!gpu', ['eu-1', 'us-1', 'lab']],
  ['gpu=', ['eu-2']],
  ['toString', []],
  ['constructor!=x', all],
];

for (const [labels, names] of byLabels) {
  test(`labels ${JSON.stringify(labels)}`, () => {
    assert.deepEqual(chosen({ labels }), names);
  });
}

const byName: readonly [readonly string[], readonly string[]][] = [
  [[], all],
  [['*'], all],
  [['eu-*'], ['eu-1', 'eu-2']],
  [['*-1'], ['eu-1', 'us-1']],
  [
    ['lab', 'us-*'],
    ['us-1', 'lab'],
  ],
  [['EU-1'], []],
];

for (const [agents, names] of byName) test(`agents ${agents.join()}`, () => assert.deepEqual(chosen({ agents }), names));

test('globs and labels must both match', () => {
  assert.deepEqual(chosen({ agents: ['eu-*', 'lab'], labels: 'tier=prod' }), ['eu-1']);
});

for (const labels of ['=eu', 'region=eu,', 'region=(eu)', 'region in eu', 'region in (eu', 'a b', 'region=!eu', 'region>1', '1st=x']) {
  test(`${JSON.stringify(labels)} is no selector`, () => {
    const compiled = compileSelector({ agents: [], labels });
    assert.ok(!compiled.ok);
    assert.match(compiled.problem, /is no requirement of labels; write region=eu/);
  });
}

test('a glob that no name can match is refused', () => {
  for (const glob of ['eu.1', 'eu?', '', 'a b']) assert.ok(!compileSelector({ agents: [glob], labels: '' }).ok, glob);
});

test('a selector has a longest length', () => {
  assert.ok(!compileSelector({ agents: [], labels: `region=${'x'.repeat(5000)}` }).ok);
});
