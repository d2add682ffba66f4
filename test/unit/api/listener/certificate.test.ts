import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import tls from 'node:tls';
import { readCertificate, renewCertificate } from '../../../../src/api/listener/certificate.ts';
import { createTlsServer } from '../../../../src/api/listener/tls.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';

const dir = mkdtempSync(join(tmpdir(), 'certificate-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const file = (name: string): string => join(dir, name);

for (const name of ['one', 'two']) {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', `${name}.crt`, '-days', '2', '-subj', `/CN=${name}`], {
    cwd: dir,
    stdio: 'pipe',
  });
}
const settings = { certFile: file('served.crt'), keyFile: file('served.key'), clientCaFile: file('ca.crt') };

/** Whether a client with this certificate is let in: it is told after the handshake, by the first byte or by none. */
function isLetIn(port: number, name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const identity = { cert: readFileSync(file(`${name}.crt`)), key: readFileSync(file(`${name}.key`)) };
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...identity });
    socket.once('data', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

test('a renewed client authority decides on new clients; what does not fit is refused once, and heals', async () => {
  for (const end of ['crt', 'key']) copyFileSync(file(`one.${end}`), file(`served.${end}`));
  copyFileSync(file('one.crt'), file('ca.crt'));
  const served = readCertificate(settings);
  const server = await createTlsServer(settings, 5000, served);
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    socket.end('in');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const told: string[] = [];
  const renewal = renewCertificate(
    server,
    { settings, served },
    {
      clock: systemClock,
      auto: () => false,
      renewed: ({ changed }) => void told.push(changed ? 'renewed' : 'healed'),
      refused: (problem) => void told.push(`refused ${problem.split(':')[0]}`),
    },
  );
  try {
    assert.deepEqual([await isLetIn(port, 'one'), await isLetIn(port, 'two')], [true, false]);
    assert.equal(renewal.renew(), undefined);
    copyFileSync(file('two.crt'), file('ca.crt'));
    assert.equal(renewal.renew(), undefined);
    assert.deepEqual([await isLetIn(port, 'one'), await isLetIn(port, 'two')], [false, true]);
    writeFileSync(file('served.key'), 'no key');
    assert.match(renewal.renew() ?? '', /do not fit/);
    assert.match(renewal.renew() ?? '', /do not fit/);
    copyFileSync(file('two.key'), file('served.key'));
    assert.match(renewal.renew() ?? '', /do not fit/);
    copyFileSync(file('one.key'), file('served.key'));
    assert.equal(renewal.renew(), undefined);
    assert.equal(await isLetIn(port, 'two'), true);
    assert.deepEqual([told[0], told.at(-1)], ['renewed', 'healed']);
    assert.ok(told.slice(1, -1).every((word) => word === 'refused api.tls'));
  } finally {
    renewal.stop();
    server.close();
  }
});
