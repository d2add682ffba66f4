import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { keyOf, unacknowledged } from '../../../../src/api/listener/vanished-peers.ts';

const fixture = fileURLToPath(new URL('../../../fixtures/vanished-peers.ts', import.meta.url));
const ownNetwork = spawnSync('unshare', ['-rn', 'ip', 'link', 'set', 'lo', 'up']).status === 0;

const row = (local: string, remote: string, rest: string): string =>
  `   3: ${local} ${remote} ${rest}     0        0 1 1 0 20 4 30 10 -1\n`;

test('what the kernel sends again is known by its connection, in both tables', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n',
    row('0100007F:1F90', '0200007F:C001', '01 00000010:00000000 01:00000014 00000003'),
    row('0100007F:1F90', '0200007F:C002', '01 00000010:00000000 01:00000014 00000000'), // sent for the first time
    row('0100007F:1F90', '0200007F:C003', '01 00000000:00000000 02:00000014 00000002'), // keepalive asks
    row('0100007F:1F90', '0200007F:C004', '01 00000010:00000000 04:00000014 00000009'), // its window is closed: it reads nothing, and answers
    row('0100007F:1F90', '0200007F:C005', '04 00000010:00000000 01:00000014 00000009'), // it is being closed
    row('0000000000000000FFFF00000100007F:1F90', '0000000000000000FFFF00000300007F:C006', '01 00000010:00000000 01:00000014 0000000A'),
    row('00000000000000000000000001000000:1F90', 'B80D0120000000000000000001000000:C007', '01 00000010:00000000 01:00000014 00000001'),
  ].join('');
  const peers: readonly (readonly [string, number, number])[] = [
    ['127.0.0.2', 0xc001, 3],
    ['127.0.0.3', 0xc006, 10],
    ['::ffff:127.0.0.3', 0xc006, 10],
    ['2001:db8::1', 0xc007, 1],
  ];
  const found = unacknowledged(table);
  assert.equal(found.size, 3);
  for (const [remoteAddress, remotePort, attempts] of peers) {
    assert.equal(found.get(keyOf({ localPort: 8080, remoteAddress, remotePort })), attempts, remoteAddress);
  }
  assert.equal(found.get(keyOf({ localPort: 8080, remoteAddress: '127.0.0.9', remotePort: 0xc001 })), undefined);
});

test('peers that vanish are cut in time, with their watches, whatever they speak and whatever is on its way to them', {
  skip: !ownNetwork && 'no network of its own can be had here',
}, (t) => {
  const { stdout, stderr } = spawnSync('unshare', ['-rn', process.execPath, '--disable-warning=ExperimentalWarning', fixture], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.match(stdout, /^\d+\n$/, stdout + stderr);
  t.diagnostic(`gone after ${stdout.trim()} ms`);
});
