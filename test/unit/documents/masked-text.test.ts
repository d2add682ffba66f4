import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dotted, maskedText, masksLeft, restoredText, secretPlaces, sharedSecrets } from '../../../src/documents/index.ts';
import type { TextFormat } from '../../../src/documents/text-words.ts';

const place = secretPlaces({ paths: ['inbounds.users.uuid', 'outbounds.*.key'] });

const json = `// of the office, token: abcdefgh
{
  "inbounds": [
    {"tag": "in", "users": [{"name": "a", "uuid": "u-1"}, {"name": "b", "uuid": "u-2"}]}, # two
  ],
  "outbounds": [{"tag": "x", "key": {"private": "k-1", "none": ""}, "password": "p-1"}, {"tag": "y", "password": "p\\u00e4"}],
  "url": "https://u:p@h/", "n": 1.50, "flag": true,
}
`;

const yaml = `# of the office
inbounds:
  - {tag: in, users: [{name: a, uuid: u-1}, {name: b, uuid: u-2}]} # two
outbounds:
  - tag: x
    key: {private: k-1, none: ""}
    password: p-1
  - tag: y
    password: |
      of two
      lines
url: https://u:p@h/
n: 1.50
flag: true
`;

for (const [format, text] of [
  ['json', json],
  ['yaml', yaml],
] as const) {
  test(`${format}: secrets are hidden, every other byte stays, and what comes back unchanged is the text`, () => {
    const shown = maskedText(text, format, place);
    for (const secret of ['abcdefgh', 'u-1', 'u-2', 'k-1', 'p-1', '00e4', 'of two', 'u:p']) assert.ok(!shown.includes(secret), secret);
    for (const kept of ['"none"', '1.50', 'two', 'of the office'].map((word) => (format === 'yaml' ? word.replaceAll('"', '') : word))) {
      assert.ok(shown.includes(kept), kept);
    }
    const back = restoredText(shown, text, { format, place });
    assert.equal(back.replace(/"of two\\nlines\\n"/, '|\n      of two\n      lines'), text);
    assert.deepEqual(masksLeft(back, format), []);
  });

  test(`${format}: a secret follows its item, never its index`, () => {
    const shown = maskedText(text, format, place);
    const swapped = shown
      .replace(/\{"?name"?: "?a"?, "?uuid"?: "\*\*\*"\}, /, '')
      .replace(/"?tag"?: "?in"?/, (tag) => tag.replace('in', 'other'));
    const back = restoredText(swapped, text, { format, place });
    assert.deepEqual(masksLeft(back, format), ['inbounds[0].users[0].uuid'], 'an inbound of another name is another inbound');
    const one = restoredText(shown.replace(/\{"?name"?: "?a"?, "?uuid"?: "\*\*\*"\}, /, ''), text, { format, place });
    assert.ok(one.includes('u-2') && !one.includes('u-1'));
  });
}

test('what stands for nothing stays *** and is named', () => {
  const cases: readonly (readonly [TextFormat, string, string, readonly string[]])[] = [
    ['json', '{"password": "***", "other": {"token": "***"}}', '{"password": "p"}', ['other.token']],
    ['yaml', 'a: {password: "***"}\n', 'b: {password: p}\n', ['a.password']],
    ['yaml', 'list: ["***", 2]\n', 'list: [1]\n', ['list[0]']],
    ['json', '{"url": "https://***@evil/"}', '{"url": "https://u:p@h/"}', ['url']],
  ];
  for (const [format, text, kept, left] of cases) {
    const back = restoredText(text, kept, { format, place });
    assert.deepEqual(masksLeft(back, format, kept), left, text);
    assert.ok(!/"p"|u:p/.test(back) || left.length > 0);
  }
});

test('a *** within a value that the kept text has as well is meant so', () => {
  const kept = '{"rule": "a***b", "url": "https://u:p@h/"}';
  const back = restoredText('{"rule": "a***b", "url": "https://***@h/"}', kept, { format: 'json', place });
  assert.equal(back, kept);
  assert.deepEqual([masksLeft(back, 'json', kept), masksLeft(back, 'json')], [[], ['rule']]);
});

test('logins that change places keep each its own password', () => {
  const users = (...names: readonly string[]): string =>
    JSON.stringify({ users: names.map((one) => ({ username: one, password: '***' })) });
  const kept = users('ann', 'bob').replace('***', 'of-ann').replace('***', 'of-bob');
  const back = restoredText(users('bob', 'ann'), kept, { format: 'json', place });
  assert.match(back, /"bob","password":"of-bob".*"ann","password":"of-ann"/);
});

test('a secret that stands at another place by an alias, as a value, an item, a merged key or a name', () => {
  const text = 'a: {password: &p hunter2, port: &n 1}\nb: *p\nc: [x, *p]\nd: {*p : 1}\ne: &e {token: t0}\nf: {<<: *e}\ng: *n\n';
  const shared = sharedSecrets(text, 'yaml', secretPlaces({}));
  assert.deepEqual(
    shared.map(({ from, to }) => `${dotted(from)} ${dotted(to)}`),
    ['a.password b', 'a.password c[1]', 'a.password d', 'e.token f.token'],
  );
});
