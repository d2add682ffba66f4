/** What an agent takes of the bucket: signed by a key that it knows, of this fleet and this place, and no older than what it has seen. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { it } from 'node:test';
import type { BucketEntry } from '../../../../src/fleet/rollout/follow.ts';
import { createOpener, seal } from '../../../../src/fleet/rollout/sealed.ts';
import { initialState } from '../../../../src/fleet/rollout/transitions.ts';
import type { Order, Plan } from '../../../../src/fleet/rollout/types.ts';
import { createView, mostRollouts, type Refusal } from '../../../../src/fleet/rollout/view.ts';
import { publicTextOf } from '../../../../src/fleet/signature.ts';
import type { Scope } from '../../../../src/kernel/principal.ts';

const id = '01KB0000000000000000000000';
const plan: Plan = {
  ...{ id, prefix: 'sboxagent', unit: 'edge', generation: 7, selector: { agents: ['eu-*'], labels: '' }, agents: ['eu-1'] },
  ...{ canaries: 0, present: 1, max_unavailable: 1, pause_ms: 0, deadline_ms: 1000, content_sha256: 'a'.repeat(64), reason: '' },
  ...{ trace_id: 'b'.repeat(32), time_ms: 1, expire_ms: 2 },
};
const orderOf = (sequence: number, more: Partial<Order> = {}): Order => ({
  ...{ rollout: id, prefix: 'sboxagent', sequence, verb: 'abort', skip_failed: false, time_ms: 1, ...more },
});
const makeKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey;

const entryOf = (key: string, text: string, isThere = true): BucketEntry => ({ key, text, isThere });

function makeView(keys: readonly (readonly [name: string, key: KeyObject, scopes: readonly Scope[]])[]) {
  const refusals: Refusal[] = [];
  const open = createOpener(keys.map(([name, key, scopes]) => ({ name, publicKey: publicTextOf(key), scopes })));
  const view = createView({ open, prefix: 'sboxagent', refuse: (refusal) => refusals.push(refusal) });
  return { view, refusals, reasons: () => refusals.map(({ reason }) => reason) };
}

it('takes a plan, its state and its orders, each in the name of who signed it', () => {
  const ops = makeKey();
  const { view, refusals } = makeView([['ops', ops, ['config:write']]]);
  view.take(entryOf(`rollout.${id}.plan`, seal('plan', plan, ops)));
  view.take(entryOf(`rollout.${id}.state`, JSON.stringify(initialState(plan, 5))));
  view.take(entryOf(`rollout.${id}.order`, seal('order', orderOf(2), ops)));
  const [seen] = view.all();
  assert.deepEqual([seen?.plan?.body, seen?.plan?.principal.id], [plan, 'fleet:ops']);
  assert.deepEqual([seen?.order?.body.sequence, seen?.state?.time_ms, refusals.length], [2, 5, 0]);
  view.take(entryOf(`rollout.${id}.order`, seal('order', orderOf(1, { verb: 'rollback' }), ops)));
  assert.equal(view.all()[0]?.order?.body.sequence, 2, 'an older order that is put again is not taken');
  view.take(entryOf(`rollout.${id}.plan`, '', false));
  assert.equal(view.all().length, 0);
});

it('refuses what nobody vouches for, and what was signed for another place', () => {
  const [ops, stranger] = [makeKey(), makeKey()];
  const { view, reasons, refusals } = makeView([['ops', ops, ['config:write']]]);
  const sealed = JSON.parse(seal('plan', plan, ops)) as { payload: string };
  const texts = [
    seal('plan', plan, stranger),
    JSON.stringify({ ...sealed, payload: sealed.payload.replace('"edge"', '"core"') }),
    // Signed as an order, it is no plan.
    seal('order', plan, ops),
    seal('plan', { ...plan, prefix: 'other' }, ops),
    seal('plan', { ...plan, id: '01KB0000000000000000000001' }, ops),
    seal('plan', { ...plan, max_unavailable: 0 }, ops),
    'no JSON',
    '{"payload":1}',
  ];
  for (const text of texts) view.take(entryOf(`rollout.${id}.plan`, text));
  assert.equal(view.all()[0]?.plan, undefined);
  const unknown = 'unknown_key';
  assert.deepEqual(reasons(), [unknown, unknown, unknown, 'malformed', 'malformed', 'malformed', unknown, unknown]);
  assert.match(refusals[0]?.why ?? '', /not among fleet\.keys/);
  assert.match(refusals[1]?.why ?? '', /signature is not of this plan/);
});

it('takes orders only of keys that may change configs here', () => {
  const eyes = makeKey();
  const { view, reasons } = makeView([['eyes', eyes, ['read', 'operate']]]);
  view.take(entryOf(`rollout.${id}.order`, seal('order', orderOf(1), eyes)));
  assert.deepEqual([view.all()[0]?.order, reasons()], [undefined, ['scope_missing']]);
});

it('keeps the state that it has where a broken one is put', () => {
  const { view } = makeView([]);
  view.take(entryOf(`rollout.${id}.state`, JSON.stringify(initialState(plan, 5))));
  for (const text of ['{', '{}', JSON.stringify({ ...initialState(plan, 6), working: [{ agent: 'a b' }] }), 'null'])
    view.take(entryOf(`rollout.${id}.state`, text));
  assert.equal(view.all()[0]?.state?.time_ms, 5);
});

it('follows so many rollouts, and says so of more', () => {
  const { view, reasons } = makeView([]);
  for (let i = 0; i <= mostRollouts; i++) view.take(entryOf(`rollout.r${i}.state`, JSON.stringify(initialState(plan, 5))));
  assert.deepEqual([view.all().length, reasons()], [mostRollouts, ['too_many']]);
});
