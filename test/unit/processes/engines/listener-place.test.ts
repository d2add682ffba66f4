import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listenerPath } from '../../../../src/processes/engines/listener-place.ts';

const singBox = {
  inbounds: [
    { type: 'mixed', tag: 'a', listen_port: 1080 },
    { type: 'tun', tag: 'b', listen_port: 1080 },
  ],
  experimental: { clash_api: { external_controller: '127.0.0.1:9090' } },
};

const table: readonly (readonly [string, object, { tag: string; port: number }, string])[] = [
  ['by its tag', singBox, { tag: 'b', port: 1080 }, 'inbounds[1].listen_port'],
  ['an API by its address', singBox, { tag: '', port: 9090 }, 'experimental.clash_api.external_controller'],
  ['the first without a tag', singBox, { tag: '', port: 1080 }, 'inbounds[0].listen_port'],
  ['a key at the top', { 'mixed-port': 7890 }, { tag: 'mixed', port: 7890 }, 'mixed-port'],
  ['a port as text', { inbounds: [{ tag: 'x', port: '443' }] }, { tag: 'x', port: 443 }, 'inbounds[0].port'],
  ['an address with its host left out', { listen: ':443' }, { tag: '', port: 443 }, 'listen'],
  ['a port that no key names', { inbounds: [] }, { tag: 'x', port: 1 }, ''],
];

for (const [name, document, listener, path] of table) {
  test(`where a listener stands: ${name}`, () => assert.equal(listenerPath(document as never, listener), path));
}
