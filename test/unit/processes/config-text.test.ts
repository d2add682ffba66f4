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
  ['of users whose names are no texts', 'mihomo', 'yaml', 'listeners: [{name: a, users: {0x10: hunter2, ~: hunter2}}]\n'],
  ['where an alias stands for it', 'mihomo', 'yaml', 'x: &s hunter2\nsecret: *s\n'],
  ['in a mapping that an alias stands for', 'hysteria', 'yaml', 'x: &p {bob: hunter2}\nauth: {type: userpass, userpass: *p}\n'],
  ['in a mapping that is merged', 'hysteria', 'yaml', 'x: &p {bob: hunter2}\nauth: {type: userpass, userpass: {<<: *p, ann: hunter2}}\n'],
  ['in one of several that are merged', 'hysteria', 'yaml', 'auth: {type: userpass, userpass: {<<: [{bob: hunter2}, {eve: hunter2}]}}\n'],
  ['under a name that is an alias', 'hysteria', 'yaml', 'x: &k password\nhttp: {listen: ":1", *k : hunter2}\n'],
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

test('what cannot be read any more is shown without the secrets that it had', () => {
  const kept = 'auth: {type: userpass, userpass: {bob: hunter2-of-bob}}\n';
  const broken = kept.replace('}}', '');
  assert.equal(shownConfig(engines.hysteria, broken, 'yaml', kept), broken.replace('hunter2-of-bob', '***'));
  assert.equal(shownConfig(engines.hysteria, 'password: hunter2\n]', 'yaml', 'also: {'), 'password: ***\n]');
});

test('a secret does not come back where nothing makes it one any more', () => {
  const engine = engines.mihomo;
  const kept = 'x: &s hunter2\nsecret: *s\nlog-level: info\n';
  const shown = shownConfig(engine, kept, 'yaml');
  const moved = shown.replace('secret: *s', 'secret: other');
  assert.throws(() => readCandidate(engine, { text: moved, format: 'yaml' }, kept), /\*\*\*, which keeps a secret/);
});

test('aliases that multiply are refused, and cost nothing', () => {
  const lines = Array.from({ length: 9 }, (_, i) => `l${i}: &l${i} [${Array(9).fill(i === 0 ? '"***"' : `*l${i - 1}`)}]`);
  const spent = startCpuTime();
  assert.throws(() => readCandidate(engines.mihomo, { text: lines.join('\n'), format: 'yaml' }, 'secret: hunter2\n'), /aliases/);
  assert.doesNotMatch(shownConfig(engines.mihomo, `${lines.join('\n')}\npassword: hunter2\n`, 'yaml'), /hunter2/);
  const ms = spent();
  assert.ok(ms < 4000, `${ms} ms`);
});

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
