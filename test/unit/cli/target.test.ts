import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTarget, readableOnTheWay, type Target } from '../../../src/cli/target.ts';

const target = (text: string, tls = false): Target =>
  parseTarget(text, { options: { tls, caFile: undefined, certFile: undefined, keyFile: undefined }, token: undefined, cwd: '/here' });

test('what a target may look like', () => {
  for (const [text, address, secure] of [
    ['127.0.0.1:8080', 'dns:127.0.0.1:8080', false],
    ['localhost:80', 'dns:localhost:80', false],
    ['[::1]:8080', 'dns:[::1]:8080', false],
    ['http://box:9/', 'dns:box:9', false],
    ['http://box', 'dns:box:80', false],
    ['https://box.example', 'dns:box.example:443', true],
    ['https://box.example:8443', 'dns:box.example:8443', true],
    ['unix:/run/x.sock', 'unix:/run/x.sock', false],
    ['unix:///run/x.sock', 'unix:/run/x.sock', false],
    ['unix:x.sock', 'unix:/here/x.sock', false],
  ] as const) {
    const { address: got, tls } = target(text);
    assert.deepEqual([text, got, tls !== undefined], [text, address, secure]);
  }
  assert.ok(target('box:1', true).tls);
});

test('what it may not', () => {
  for (const text of [
    '',
    'box',
    '[::1]',
    'box:0',
    'box:99999',
    'box:80/x',
    'https://u@box:1',
    'https://box/?q',
    'ftp://box:1',
    'unix:',
    ':80',
    'a b:1',
  ]) {
    assert.throws(() => target(text), { name: 'Failure', exitCode: 2 }, text);
  }
  assert.throws(() => target('unix:/x', true), { exitCode: 2 });
});

test('what can be read on the way', () => {
  for (const [text, readable] of [
    ['127.0.0.1:1', false],
    ['127.1.2.3:1', false],
    ['localhost:1', false],
    ['[::1]:1', false],
    ['unix:/x', false],
    ['https://box:1', false],
    ['box:1', true],
    ['10.0.0.1:1', true],
    ['localhost.evil.example:1', true],
  ] as const) {
    assert.equal(readableOnTheWay(target(text)), readable, text);
  }
});
