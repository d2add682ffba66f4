import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type NKeyAuth, nkeys } from '@nats-io/transport-node';
import { connectionOptions } from '../../../src/fleet/connection-options.ts';
import type { FleetSettings } from '../../../src/settings/types.ts';

function credentials(jwt: string): string {
  const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
  const part = (title: string, text: string): string => `-----BEGIN ${title}-----\n${text}\n------END ${title}------\n`;
  return `${part('NATS USER JWT', jwt)}\n${part('USER NKEY SEED', seed)}`;
}

test('each connection is made with what the files say by then, or said last', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-fleet-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const [creds, ca] = [join(dir, 'fleet.creds'), join(dir, 'ca.pem')];
  const write = (path: string, text: string): void => writeFileSync(path, text, { mode: 0o600 });
  write(creds, credentials('one'));
  write(ca, 'ca one');
  const options = connectionOptions({
    ...{ servers: ['nats://127.0.0.1:4222'], credentials: credentials('one').trim(), credentialsFile: creds, name: 'edge', prefix: 'p' },
    tls: { caFile: ca, certFile: undefined, keyFile: undefined },
  } as unknown as FleetSettings);
  const { authenticator, tls } = options;
  assert.ok(typeof authenticator === 'function' && tls);
  const jwt = (): string | undefined => (authenticator('nonce') as NKeyAuth & { jwt?: string }).jwt;
  const shown = (): unknown => [jwt(), { ...tls }];
  assert.deepEqual(shown(), ['one', { ca: 'ca one' }]);
  write(creds, credentials('two'));
  write(ca, 'ca two\n');
  assert.deepEqual(shown(), ['two', { ca: 'ca two' }]);
  write(creds, '');
  rmSync(ca);
  assert.deepEqual(shown(), ['two', { ca: 'ca two' }], 'what is being written, or gone, changes nothing');
  write(creds, credentials('three'));
  chmodSync(creds, 0o644);
  assert.equal(jwt(), 'two', 'what others may read is not taken');
  chmodSync(creds, 0o600);
  assert.equal(jwt(), 'three');
});
