import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileGlob } from '../../../src/kernel/glob.ts';
import { startCpuTime } from '../../helpers/cpu-time.ts';

const globs: readonly [string, readonly string[], readonly string[]][] = [
  ['net.up', ['net.up'], ['net.up.x', 'xnet.up', 'netxup']],
  ['net.*', ['net.up', 'net.down'], ['net', 'net.link.up', 'netx.up']],
  ['net.**', ['net.up', 'net.link.up'], ['net', 'netx.up']],
  ['*.up', ['net.up', 'netx.up'], ['net.link.up', 'up']],
  ['**.up', ['net.up', 'net.link.up'], ['up', 'net.upx']],
  ['net.*.up', ['net.link.up'], ['net.up', 'net.a.b.up']],
  ['**', ['a', 'a.b', 'a.b.c'], []],
  ['*', ['a'], ['a.b']],
  ['ne*.u*', ['net.up', 'ne.u'], ['net.down']],
  ['a**z', ['az', 'a.b.z'], ['a.b']],
  ['[a-z].up', [], ['n.up']],
];

for (const [glob, yes, no] of globs) {
  test(`glob ${glob}`, () => {
    const matches = compileGlob(glob);
    assert.deepEqual([...yes, ...no].filter(matches), yes);
  });
}

test('a hostile glob costs little', () => {
  const spent = startCpuTime();
  assert.equal(compileGlob(`${'**a'.repeat(80)}b`)('a'.repeat(128)), false);
  assert.ok(spent() < 200);
});
