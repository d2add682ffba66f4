import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCandidate, shownConfig } from '../../../src/processes/apply/config-text.ts';
import { engines } from '../../../src/processes/engines/index.ts';
import type { EngineName } from '../../../src/settings/types.ts';
import { startCpuTime } from '../../helpers/cpu-time.ts';

/** Texts of which the secret is `hunter2`. */
const texts: readonly (readonly [string, EngineName, 'json' | 'yaml', string])[] = [
  ['behind a number that a double cannot hold', 'sing-box', 'json', '{"a": 12345678901234567890, "b": 1e999, "password": "hunter2"}'],
  ['before a comment that does not end', 'xray', 'json', '{"password": "hunter2"} /* open'],
  ['of a user whose name has a dot', 'hysteria', 'yaml', 'auth: {type: userpass, userpass: {ann.smith: hunter2}}\n'],
  ['of a user whose name looks like an item', 'hysteria', 'yaml', 'auth: {type: userpass, userpass: {"users[0]": hunter2}}\n'],
  ['in a list', 'mihomo', 'yaml', 'listeners: [{name: a, users: {ann.smith: hunter2}}]\n'],
];

for (const [what, name, format, text] of texts) {
  test(`a secret is shown as ***, and comes back: ${what}`, () => {
    const engine = engines[name];
    const shown = shownConfig(engine, text, format);
    assert.ok(!shown.includes('hunter2') && shown.includes('***'), shown);
    const back = readCandidate(engine, { text: shown, format }, text);
    assert.equal(back.text, text);
  });
}

test('a config of many secrets is shown and read back in time that its length bounds', () => {
  const outbounds = Array.from({ length: 3000 }, (_, i) => ({
    type: 'trojan',
    tag: `t${i}`,
    server: `h${i}.example`,
    password: `pw-${i}`,
  }));
  const text = JSON.stringify({ outbounds });
  const spent = startCpuTime();
  const shown = shownConfig(engines['sing-box'], text, 'json');
  assert.ok(!shown.includes('pw-'));
  assert.equal(readCandidate(engines['sing-box'], { text: shown, format: 'json' }, text).text, text);
  const ms = spent();
  assert.ok(ms < 4000, `${ms} ms`);
});
