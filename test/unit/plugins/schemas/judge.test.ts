import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { createJudge, type Judge } from '../../../../src/plugins/schemas/judge.ts';
import { startCpuTime } from '../../../helpers/cpu-time.ts';
import { openDocumentRoom, refusalOf, update } from '../documents/room.ts';

async function withJudge(fn: (judge: Judge) => Promise<void>): Promise<void> {
  const judge = createJudge(systemClock);
  try {
    await fn(judge);
  } finally {
    await judge.stop();
  }
}

const text = JSON.stringify;
/** Written as text, because an object with a `then` looks like a promise. */
const conditional: unknown = JSON.parse('{"if": {"required": ["x"]}, "then": {"required": ["y"]}}');

test('violations name the place and the rule', async () => {
  await withJudge(async (judge) => {
    const schema = {
      properties: {
        mode: { enum: ['fast', 'slow'] },
        'a/b~c': { type: 'string' },
        '0': { type: 'array', prefixItems: [{ const: 1 }], items: { type: 'string' } },
        when: { format: 'date-time' },
        both: conditional,
      },
      required: ['name'],
      dependentRequired: { mode: ['speed'] },
      propertyNames: { maxLength: 6 },
      unevaluatedProperties: false,
    };
    assert.deepEqual(await judge.schema(text(schema)), []);
    const document = { mode: 'no', 'a/b~c': 1, '0': [2, 3], when: 'never', both: { x: 1 }, muchtoolong: 1 };
    const told = (await judge.document(text(schema), text(document))).map((v) => `${v.field} ${v.rule} ${v.message}`);
    for (const line of [
      'config.name required is required',
      'config.mode enum must be one of "fast", "slow"',
      'config.a/b~c type must be string',
      'config.0[0] const must be 1',
      'config.0[1] type must be string',
      'config.when format must match format "date-time"',
      'config.both.y required is required',
      'config.muchtoolong unevaluatedProperties is not known',
      'config.speed dependentRequired must have property speed when property mode is present',
    ]) {
      assert.ok(told.includes(line), `${line}\nnot in\n${told.join('\n')}`);
    }
  });
});

test('at most a hundred, however many there are', async () => {
  await withJudge(async (judge) => {
    const schema = { additionalProperties: { type: 'string' } };
    const document = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, i]));
    assert.equal((await judge.document(text(schema), text(document))).length, 100);
  });
});

test('on a machine that is busy with something else a good document is judged late, not refused', async () => {
  // The time on the wall runs so fast that the limit of a second has passed before the thread could compute anything.
  const clock = { ...systemClock, after: (ms: number, fn: () => void) => systemClock.after(ms <= 1000 ? ms / 200 : ms, fn) };
  const judge = createJudge(clock);
  try {
    const properties = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${i}`, { type: 'string', pattern: `^a${i}$` }]));
    assert.deepEqual(await judge.document(text({ properties }), text({ k0: 'a0', k1: 'a1' })), []);
  } finally {
    await judge.stop();
  }
});

test('a pattern that takes for ever is ended after a second, and the next document is judged', async () => {
  await using room = await openDocumentRoom();
  await room.keeper.setSchema('evil', { schema: { properties: { a: { pattern: '^(a+)+$' } } }, secretPaths: [], mayUnmask: true });
  await room.keeper.setSchema('good', { schema: { properties: { a: { type: 'string' } } }, secretPaths: [], mayUnmask: true });
  const spent = startCpuTime();
  const refused = await refusalOf(() => room.keeper.update('evil', update({ a: `${'a'.repeat(60)}!` })));
  const ms = spent();
  assert.deepEqual(refused.fields, ['config time_limit']);
  assert.ok(ms < 500, `the event loop computed for ${ms} ms: it was to be done by a thread`);
  assert.equal((await room.keeper.update('good', update({ a: 'b' }))).revision, 1);
  assert.equal((await refusalOf(() => room.keeper.update('good', update({ a: 1 })))).reason, 'CONFIG_INVALID');
});

test('schemas that refer to themselves, to nothing, or grow without end harm nobody', async () => {
  await withJudge(async (judge) => {
    const loop = { $ref: '#' };
    const endless = { properties: { a: { $ref: '#/$defs/x' } }, $defs: { x: { $ref: '#/$defs/y' }, y: { $ref: '#/$defs/x' } } };
    for (const schema of [loop, endless]) {
      await judge.schema(text(schema));
      const told = await judge.document(text(schema), text({ a: 1 }));
      assert.equal(told.length, 1, text(schema));
    }
    const tree = { properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#' } } } };
    const told = await judge.document(text(tree), text({ children: [{ children: [{ name: 1 }] }] }));
    assert.deepEqual(
      told.map((v) => v.field),
      ['config.children[0].children[0].name'],
    );
  });
});

test('ids of one schema are nothing to another', async () => {
  await withJudge(async (judge) => {
    const one = { $id: 'https://example.org/a', $defs: { x: { $id: 'b', type: 'string' } }, properties: { v: { $ref: 'b' } } };
    const two = { $id: 'https://example.org/a', properties: { v: { type: 'number' } } };
    assert.deepEqual(await judge.schema(text(one)), []);
    assert.deepEqual(await judge.schema(text(two)), []);
    assert.equal((await judge.document(text(one), text({ v: 1 }))).length, 1);
    assert.equal((await judge.document(text(two), text({ v: 1 }))).length, 0);
    assert.equal((await judge.schema(text({ properties: { v: { $ref: 'https://example.org/a' } } }))).length, 1);
  });
});
