import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editYaml } from '../../../../src/documents/yaml/edit-yaml.ts';
import type { Json } from '../../../../src/events/types.ts';

const file = `# The agent
agent:
    name:   edge-1   # shown in status

# The door
api:
    port: 8080 # the port
    mode: 0660
    allowed_hosts:
        - a.example # ours

        # theirs
        - b.example
        - "c.example"
    # after the hosts
    limits: {message_bytes: 1MiB, json_depth: 32, connections: 10}
    text: |
        one
        two

    empty:
processes:
    units:
        # the proxy
        edge:
            command: [a, "b",   c]
# the end
`;

type Case = readonly [what: string, edits: readonly (readonly [string, Json | undefined])[], before: string, after: string];

/** Each replaces one passage and leaves all the rest. */
const cases: readonly Case[] = [
  ['a number', [['api.port', 9090]], 'port: 8080 #', 'port: 9090 #'],
  ['a text with blanks around', [['agent.name', 'yes']], '  edge-1  ', '  "yes"  '],
  ['a value in braces', [['api.limits.json_depth', 16]], 'json_depth: 32', 'json_depth: 16'],
  ['a text of lines', [['api.text', 'x: y']], '|\n        one\n        two', '"x: y"'],
  ['a key without a value', [['api.empty', 'now']], 'empty:\n', 'empty: now\n'],
  ['a mapping below it', [['api.empty.a.b', true]], 'empty:\n', 'empty:\n        a:\n            b: true\n'],
  [
    'a list becomes none',
    [['api.allowed_hosts', []]],
    file.slice(file.indexOf('\n        - a.example'), file.indexOf('\n    # after')),
    ' []',
  ],
  ['an item goes', [['api.allowed_hosts', ['a.example', 'c.example']]], '\n        # theirs\n        - b.example\n', ''],
  [
    'an item comes',
    [['api.allowed_hosts', ['a.example', 'b.example', 'c.example', 'd: e']]],
    '- "c.example"\n',
    '- "c.example"\n        - "d: e"\n',
  ],
  ['items in brackets', [['processes.units.edge.command', ['b', 'c', 'd, e']]], '[a, "b",   c]', '["b", c, "d, e"]'],
  ['a new key', [['api.host', '::1']], '    empty:\n', '    empty:\n    host: ::1\n'],
  ['a new key in braces', [['api.limits.idle_timeout', '5s']], '10}', '10, idle_timeout: 5s}'],
  [
    'a new mapping',
    [
      ['api.security.auth_enabled', false],
      ['api.security.cors.enabled', false],
    ],
    '    empty:\n',
    '    empty:\n    security:\n        auth_enabled: false\n        cors:\n            enabled: false\n',
  ],
  ['a new key at the top', [['events.durability', 'relaxed']], 'c]\n', 'c]\nevents:\n    durability: relaxed\n'],
  [
    'keys of two levels at one place',
    [
      ['processes.units.edge.autostart', true],
      ['processes.inline.enabled', true],
      ['logs.files', 3],
    ],
    'c]\n',
    'c]\n            autostart: true\n    inline:\n        enabled: true\nlogs:\n    files: 3\n',
  ],
  ['a key goes with its comment on the line', [['api.port', undefined]], '    port: 8080 # the port\n', ''],
  ['the first of braces goes', [['api.limits.message_bytes', undefined]], '{message_bytes: 1MiB, ', '{'],
  [
    'the last two of braces go',
    [
      ['api.limits.json_depth', undefined],
      ['api.limits.connections', undefined],
    ],
    ', json_depth: 32, connections: 10}',
    '}',
  ],
  [
    'the last key of a mapping takes it along',
    [['processes.units.edge.command', undefined]],
    file.slice(file.indexOf('processes:'), file.indexOf('# the end')),
    '',
  ],
  [
    'another key in place of the only one',
    [
      ['agent.name', undefined],
      ['agent.log_level', 'debug'],
    ],
    '    name:   edge-1   # shown in status\n',
    '    log_level: debug\n',
  ],
  ['numbers as people write them', [['api.mode', '0600']], 'mode: 0660', 'mode: "0600"'],
];

for (const [what, edits, before, after] of cases) {
  test(`edit: ${what}`, () => {
    assert.equal(file.split(before).length, 2, 'the passage stands once');
    const edited = editYaml(
      file,
      edits.map(([path, value]) => ({ path: path.split('.'), value })),
    );
    assert.equal(
      edited,
      file.replace(before, () => after),
    );
  });
}

test('line breaks stay as they are, and a last line gets its own', () => {
  assert.equal(editYaml('a:\r\n  b: 1\r\n', [{ path: ['a', 'c'], value: 2 }]), 'a:\r\n  b: 1\r\n  c: 2\r\n');
  assert.equal(editYaml('a: 1', [{ path: ['b'], value: 2 }]), 'a: 1\nb: 2\n');
});

test('a document that says nothing takes keys, below its comments', () => {
  for (const text of ['', '# nothing yet\n', '# nothing yet', '{}\n', '---\n', 'a:\n']) {
    const edited = editYaml(text, [{ path: ['api', 'port'], value: 1 }]);
    assert.match(edited, /^api:\n {2}port: 1$/m, text);
    assert.ok(!text.startsWith('#') || edited.startsWith('# nothing yet\n'));
  }
});

test('anchors, aliases and explicit keys: what is meant comes out, comments stay', () => {
  const text = '# top\na: &x {p: 1}\nb: *x # same\n? c\n: 3\n';
  assert.equal(editYaml(text, [{ path: ['a', 'p'], value: 2 }]), '# top\na: &x {p: 2}\nb: { p: 1 } # same\n? c\n: 3\n');
  const removed = editYaml(text, [{ path: ['c'], value: undefined }]);
  assert.match(removed, /^# top\n[\s\S]*# same\n$/);
  assert.ok(!removed.includes('c'));
});

test('hostile names are keys as any other', () => {
  const edited = editYaml('a: 1\n', [
    { path: ['__proto__', 'x'], value: 1 },
    { path: ['a: b'], value: '# no' },
  ]);
  assert.equal(edited, 'a: 1\n__proto__:\n  x: 1\n"a: b": "# no"\n');
  assert.equal(({} as { x?: number }).x, undefined);
});

test('JSON stays JSON', () => {
  const text = '{\n  "api": {"port": 1, "hosts": ["a"]},\n  "agent": {"name": "x"}\n}\n';
  const edited = editYaml(text, [
    { path: ['api', 'hosts'], value: ['a', 'b'] },
    { path: ['agent', 'name'], value: 'y' },
    { path: ['api', 'limits', 'json_depth'], value: 3 },
    { path: ['logs', 'files'], value: 4 },
    { path: ['api', 'port'], value: undefined },
  ]);
  assert.deepEqual(JSON.parse(edited), { api: { hosts: ['a', 'b'], limits: { json_depth: 3 } }, agent: { name: 'y' }, logs: { files: 4 } });
  assert.ok(edited.startsWith('{\n  "api": {"hosts": ["a", "b"]'));
});

/** [what, text, edits, what comes out]. */
const shared: readonly (readonly [string, string, readonly (readonly [path: string, value: Json | undefined])[], string])[] = [
  [
    'below an alias',
    'a: &x\n  p: 1 # one\n  q: 0660\nb: *x # same\nc: *x\n',
    [['b.p', 2]],
    'a: &x\n  p: 1 # one\n  q: 0660\nb: { p: 2, q: 0660 } # same\nc: *x\n',
  ],
  ['a new key below an alias', 'a: &x {p: 1}\nb: *x\n', [['b.z', 3]], 'a: &x {p: 1}\nb: { p: 1, z: 3 }\n'],
  ['an alias as a whole', 'a: &x 1\nb: *x # b\nc: *x\n', [['b', 2]], 'a: &x 1\nb: 2 # b\nc: *x\n'],
  ['an alias that goes', 'a: &x 1\nb: *x\nc: *x\n', [['b', undefined]], 'a: &x 1\nc: *x\n'],
  ['the anchored value', 'a: &x 1 # a\nb: *x\nc: [*x, 2]\n', [['a', 2]], 'a: &x 2 # a\nb: 1\nc: [1, 2]\n'],
  ['an anchored value that goes', 'a: {k: &x 1, l: 2}\nb: *x\n', [['a.k', undefined]], 'a: {l: 2}\nb: 1\n'],
  ['other line ends', 'a: &x\r\n  p: 1\r\nb: *x\r\nc: 1\r\n', [['b.p', 2]], 'a: &x\r\n  p: 1\r\nb: { p: 2 }\r\nc: 1\r\n'],
  [
    'a byte order mark',
    '\uFEFFa: &x {p: 1}\nb: *x\n',
    [
      ['b.p', 2],
      ['k', 1],
    ],
    '\uFEFFa: &x {p: 1}\nb: { p: 2 }\nk: 1\n',
  ],
  [
    'a merged key that is changed',
    'a: &x\n  p: 1\n  q: 2\nb:\n  <<: *x # all\n  r: 3\n',
    [['b.p', 5]],
    'a: &x\n  p: 1\n  q: 2\nb:\n  <<: *x # all\n  r: 3\n  p: 5\n',
  ],
  [
    'a merged key that goes',
    'a: &x\n  p: 1\n  q: 2\nb:\n  <<: *x # all\n  r: 3\n',
    [['b.p', undefined]],
    'a: &x\n  p: 1\n  q: 2\nb:\n  q: 2 # all\n  r: 3\n',
  ],
  [
    'below a merged key',
    'a: &x {p: {m: 1, o: 2}}\nb: {<<: *x, r: 3}\n',
    [['b.p.m', 5]],
    'a: &x {p: {m: 1, o: 2}}\nb: {p: { m: 5, o: 2 }, r: 3}\n',
  ],
  [
    'beside a merge',
    'a: &x {p: 1}\nc: &y {p: 2, q: 3}\nb: {<<: [*x, *y], r: 3}\n',
    [['b.r', 4]],
    'a: &x {p: 1}\nc: &y {p: 2, q: 3}\nb: {<<: [*x, *y], r: 4}\n',
  ],
  ['what others merge', 'a: &x {p: 1}\nb: {<<: *x, r: 3}\n', [['a.p', 2]], 'a: &x {p: 2}\nb: {<<: { p: 1 }, r: 3}\n'],
  ['an anchored value that goes, beside its alias', 'a: &x 1\nb:   *x\n', [['a', undefined]], 'b:   1\n'],
  ['a mapping that is to say nothing', 'a:\n  b: # b\n    c: 1\nd: [1,  2]\n', [['a.b', {}]], 'a:\n  b: {}\nd: [1,  2]\n'],
  ['a value becomes a mapping', 'a: x # a\nb: [1,  2]\n', [['a.p.q', 2]], 'a: { p: { q: 2 } } # a\nb: [1,  2]\n'],
  [
    'an anchor keeps its place where the document has an odd form elsewhere',
    'a: &x\n    p: [1,  2]\nb: *x # same\n? c\n: 3\n',
    [['b.q', 0]],
    'a: &x\n    p: [1,  2]\nb: { p: [1, 2], q: 0 } # same\n? c\n: 3\n',
  ],
  ['a quoted << is a key', 'b: {"<<": 1}\n', [['b.c', 2]], 'b: {"<<": 1, c: 2}\n'],
];

for (const [what, text, edits, after] of shared) {
  test(`only what changes is rewritten: ${what}`, () => {
    assert.equal(
      editYaml(
        text,
        edits.map(([path, value]) => ({ path: path.split('.'), value })),
      ),
      after,
    );
  });
}
