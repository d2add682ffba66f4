import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ServerCredentials } from '@grpc/grpc-js';
import { cli } from '../helpers/cli-io.ts';
import { FakeAgent } from '../helpers/fake-agent.ts';

const agent = new FakeAgent();
const cert = join(agent.dir, 'cert.pem');

before(async () => {
  const key = join(agent.dir, 'key.pem');
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, ...subject],
    {
      stdio: 'ignore',
    },
  );
  await agent.start(ServerCredentials.createSsl(null, [{ private_key: readFileSync(key), cert_chain: readFileSync(cert) }]));
});
after(() => agent.stop());

test('a certificate that is trusted by --ca-file', async () => {
  for (const target of [`https://localhost:${agent.port}`, `localhost:${agent.port}`, `https://127.0.0.1:${agent.port}`]) {
    const { code, out, err } = await cli(['status', '-o', 'json', '--target', target, '--ca-file', cert, '--token', 't']);
    assert.equal(code, 0, err);
    assert.equal(JSON.parse(out).name, 'fake');
  }
});

test('a certificate of its own, and files that are none', async () => {
  const at = ['status', '--target', `https://localhost:${agent.port}`, '--ca-file', cert];
  const { code, err } = await cli([...at, '--cert-file', cert, '--key-file', join(agent.dir, 'key.pem')]);
  assert.equal(code, 0, err);
  assert.equal((await cli([...at, '--cert-file', cert])).code, 2);
  assert.equal((await cli([...at, '--cert-file', cert, '--key-file', '/dev/null'])).code, 2);
});

test('call goes the same way', async () => {
  const { code, out, err } = await cli([
    'call',
    'AgentService.GetStatus',
    '--target',
    `https://localhost:${agent.port}`,
    '--ca-file',
    cert,
  ]);
  assert.equal(code, 0, err);
  assert.equal(JSON.parse(out).name, 'fake');
});

test('one that is not trusted: 3, in words', async () => {
  const { code, out, err } = await cli(['status', '--timeout', '5s', '--target', `https://localhost:${agent.port}`]);
  assert.deepEqual([code, out], [3, '']);
  assert.match(err, /certificate/i);
});

test('plain text against TLS: 3', async () => {
  const { code, out } = await cli(['status', '--timeout', '5s', '--target', `localhost:${agent.port}`]);
  assert.deepEqual([code, out], [3, '']);
});
