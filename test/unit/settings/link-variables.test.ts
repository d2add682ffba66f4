import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefusedError } from '../../../src/kernel/errors.ts';
import { loadSettings } from '../../../src/settings/index.ts';

const load = (env: Record<string, string>) => loadSettings({ env: { HOME: '/nowhere', ...env }, cwd: '/nowhere' });

test('what Kubernetes and Docker make of a name is passed over with one warning', () => {
  const kubernetes = {
    SBOXAGENT_SERVICE_HOST: '10.0.0.11',
    SBOXAGENT_SERVICE_PORT: '8080',
    SBOXAGENT_SERVICE_PORT_GRPC: '8080',
    SBOXAGENT_PORT: 'tcp://10.0.0.11:8080',
    SBOXAGENT_PORT_8080_TCP: 'tcp://10.0.0.11:8080',
    SBOXAGENT_PORT_8080_TCP_PROTO: 'tcp',
    SBOXAGENT_PORT_8080_TCP_PORT: '8080',
    SBOXAGENT_PORT_8080_TCP_ADDR: '10.0.0.11',
    SBOXAGENT_HTTP_SERVICE_HOST: 'fd00::11',
    // A service called sboxagent-api: the name of a key, with a value that no port has.
    SBOXAGENT_API_PORT: 'tcp://10.0.0.12:8080',
    SBOXAGENT_API_SERVICE_PORT: '8080',
  };
  const docker = { SBOXAGENT_NAME: '/web/sboxagent' };
  const { settings, warnings } = load({ ...kubernetes, ...docker });
  assert.equal(settings.api.port, 8080);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /^passed over SBOXAGENT_SERVICE_HOST and 11 more: Kubernetes or Docker/);
  assert.deepEqual(load({ SBOXAGENT_API_PORT: '9090' }).warnings, []);
});

test('a key that is misspelt, or has a wrong value, is still refused', () => {
  for (const [name, value] of [
    ['SBOXAGENT_PORT', '9090'],
    ['SBOXAGENT_API_PROT', '9090'],
    ['SBOXAGENT_SERVICE_HOSTS', '10.0.0.1'],
    ['SBOXAGENT_API_PORT', 'http://10.0.0.1:80'],
    ['SBOXAGENT_NAME', 'edge'],
    ['SBOXAGENT_API_HOST_NAME', 'edge'],
  ] as const) {
    assert.throws(
      () => load({ [name]: value }),
      (error) => error instanceof RefusedError && error.message.includes(`env ${name}`),
      name,
    );
  }
});

test('cron lines that people write are understood', () => {
  for (const cron of ['@daily', '@Hourly', '@weekly', '*/30 * * * *', '0 9 * * MON-FRI', '0 0 29 2 *', '0 */5 * * * *']) {
    assert.equal(load({ SBOXAGENT_SBOXMGR_SCHEDULE_CRON: cron }).settings.sboxmgr.schedule.cron, cron);
  }
});
