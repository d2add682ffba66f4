import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KV } from '@nats-io/kv';
import { createLease, type Lease } from '../../../src/fleet/lease.ts';
import { bentClock } from '../../helpers/bent-clock.ts';

/** A bucket with one key, as far as a lease uses it: a write that expects another revision is refused. */
function oneKey(): KV {
  let current: { readonly text: string; readonly revision: number } | undefined;
  const bucket: Pick<KV, 'get' | 'put'> = {
    async get() {
      if (current === undefined) return null;
      const { text, revision } = current;
      return { operation: 'PUT', revision, json: () => JSON.parse(text) } as unknown as Awaited<ReturnType<KV['get']>>;
    },
    async put(_key, text, { previousSeq } = {}) {
      const revision = current?.revision ?? 0;
      if (previousSeq !== revision) throw new Error(`wrong last sequence: ${revision}`);
      current = { text: String(text), revision: revision + 1 };
      return revision + 1;
    },
  };
  return bucket as KV;
}

const heartbeatMs = 10_000;
const { clock, advance } = bentClock();
const leaseOf = (name: string): Lease<readonly string[]> => createLease({ key: 'watch', name, heartbeatMs, clock, nothing: [] });

test('the first that looks has it, and the others wait', async () => {
  const bucket = oneKey();
  const [a, b] = [leaseOf('a'), leaseOf('b')];
  assert.deepEqual(await a.look(bucket), []);
  assert.equal(await b.look(bucket), undefined);
  advance(heartbeatMs);
  await a.renew(bucket, ['x']);
  assert.equal(await b.look(bucket), undefined);
  advance(heartbeatMs);
  assert.deepEqual(await a.look(bucket), ['x']);
});

test('one that is not renewed is taken, with what stood there; who had it is refused', async () => {
  const bucket = oneKey();
  const [a, b] = [leaseOf('a'), leaseOf('b')];
  await a.look(bucket);
  await a.renew(bucket, ['found by a']);
  assert.equal(await b.look(bucket), undefined);
  advance(1.5 * heartbeatMs);
  assert.equal(await b.look(bucket), undefined, 'not yet');
  advance(1);
  assert.deepEqual(await b.look(bucket), ['found by a']);
  await assert.rejects(a.renew(bucket, ['late']), /wrong last sequence/);
  assert.equal(a.isMine(), false);
  assert.equal(await a.look(bucket), undefined);
});

test('two that take it at once: one has it', async () => {
  const bucket = oneKey();
  const results = await Promise.allSettled([leaseOf('a').look(bucket), leaseOf('b').look(bucket)]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('one that is released is free at once, and its holder of before has it again after a kill', async () => {
  const bucket = oneKey();
  const [a, b] = [leaseOf('a'), leaseOf('b')];
  await a.look(bucket);
  await a.release(bucket);
  assert.deepEqual(await b.look(bucket), []);
  assert.deepEqual(await leaseOf('b').look(bucket), [], 'the same agent, started anew');
});
