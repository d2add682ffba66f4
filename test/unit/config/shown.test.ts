import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shownYaml, withSecretsOf } from '../../../src/config/shown.ts';

/** Of which the secret is `hunter2`, wherever it stands. */
const texts = [
  'api:\n  security:\n    auth_token: hunter2\n',
  'api.security: {auth_token: hunter2}\n',
  '"api": {"security": {"auth_token": &t !!str hunter2}}\n',
  'api: {security: {? auth_token : hunter2}}\n',
  'api:\n  security:\n    <<: {auth_token: hunter2}\n',
  'api: {security: {<<: [{auth_token: hunter2}]}}\n',
  'processes: {units: {a: {command: [x, --token, hunter2, "--password=hunter2"]}}}\n',
  'processes: {units: {a: {command: [curl, -u, "ann:hunter2"]}}}\n',
  'processes: {units: {a: {command: [x], env: {<<: {TOKEN: hunter2}}}}}\n',
  'processes: {units: {a.b: {command: [x], env: {NOTE: &n hunter2, TOKEN: *n}}}}\n',
  'processes: {units: {a: {command: [x, &n hunter2, --token, *n]}}}\n',
  'processes: {units: {a: {command: [x], readiness: {http: {url: "http://u:hunter2@h/", headers: {Authorization: Bearer hunter2}}}}}}\n',
];

for (const text of texts) {
  test(`secrets are hidden and come back: ${text.trim().replaceAll('\n', ' ')}`, () => {
    const shown = shownYaml(new Map([['/etc/sboxagent.yaml', text]]));
    assert.ok(!shown.includes('hunter2') && shown.includes('***'), shown);
    assert.equal(withSecretsOf(shown, text), text);
  });
}

test('aliases that multiply cost nothing before the settings refuse them', () => {
  const lines = Array.from({ length: 9 }, (_, i) => `l${i}: &l${i} [${Array(9).fill(i === 0 ? '"***"' : `*l${i - 1}`)}]`);
  assert.equal(withSecretsOf(`${lines.join('\n')}\na: &a [*a]\nb: {<<: &b [{<<: *b}]}\n`, 'api: {}\n').includes('***'), true);
});
