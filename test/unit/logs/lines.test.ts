import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createValueMasker } from '../../../src/kernel/mask-values.ts';
import { cleanText, cutBytes, maxMessageBytes, redactFields } from '../../../src/logs/clean.ts';
import { decode, encode, matcher } from '../../../src/logs/entry.ts';
import { createLineSplitter } from '../../../src/logs/lines.ts';
import { maskUuids } from '../../../src/logs/secret-values.ts';
import type { LogEntry } from '../../../src/logs/types.ts';

const entry: LogEntry = {
  seq: 7,
  timeMs: 1000,
  source: 'edge',
  level: 'WARN',
  message: 'Hello World',
  stream: 'STDERR',
  pid: 42,
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  fields: { n: 1 },
  truncated: true,
  partial: false,
};

test('lines are whole however the bytes are cut', () => {
  const bytes = Buffer.from('one\n\ntwo ünï\r\nthree');
  for (let size = 1; size <= bytes.length; size++) {
    const splitter = createLineSplitter();
    const lines: { text: string; end: number }[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      for (const line of splitter.feed(bytes.subarray(at, at + size), at).lines) lines.push({ text: line.bytes.toString(), end: line.end });
    }
    assert.deepEqual(lines, [
      { text: 'one', end: 4 },
      { text: '', end: 5 },
      { text: 'two ünï\r', end: 16 },
    ]);
    assert.equal(splitter.half().toString(), 'three');
  }
});

test('a line that is too long is told once, cut between characters, and its rest is skipped', () => {
  for (const size of [1000, 100_000]) {
    const splitter = createLineSplitter();
    const bytes = Buffer.from(`${'é'.repeat(20_000)}\nnext\n`);
    const lines = [];
    for (let at = 0; at < bytes.length; at += size) lines.push(...splitter.feed(bytes.subarray(at, at + size), at).lines);
    assert.equal(lines.length, 2);
    assert.equal(lines[0]?.truncated, true);
    assert.equal(lines[0]?.bytes.toString(), 'é'.repeat(maxMessageBytes / 2));
    assert.equal(lines[1]?.bytes.toString(), 'next');
    assert.equal(splitter.skipping(), false);
  }
  assert.equal(cutBytes(Buffer.from(`x${'é'.repeat(20_000)}`)).length, maxMessageBytes - 1);
});

test('a carriage return begins the line anew: the last state that has text is kept', () => {
  const table: [string, string][] = [
    ['10%\r20%\r100%', '100%'],
    ['10%\r100%\r', '100%'],
    ['ends like Windows\r', 'ends like Windows'],
    ['a\r\r\r', 'a'],
    ['\rb', 'b'],
    ['\r', ''],
    ['', ''],
  ];
  for (const [given, wanted] of table) assert.equal(cleanText(Buffer.from(given)), wanted, JSON.stringify(given));
});

test('progress without an end is no line that is too long, however it is cut', () => {
  const bytes = Buffer.from(`${Array.from({ length: 20_000 }, (_, i) => `${i} of 20000 done`).join('\r')}\nnext\n`);
  for (const size of [100, 4096, bytes.length]) {
    const splitter = createLineSplitter();
    const lines: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      for (const line of splitter.feed(bytes.subarray(at, at + size), at).lines) lines.push(cleanText(line.bytes));
      assert.ok(splitter.half().length <= maxMessageBytes);
    }
    assert.deepEqual(lines, ['19999 of 20000 done', 'next']);
  }
});

test('many short lines are taken some at a time', () => {
  const splitter = createLineSplitter();
  const bytes = Buffer.from('y\n'.repeat(10));
  const first = splitter.feed(bytes, 0, 4);
  assert.deepEqual([first.lines.length, first.used, first.lines.at(-1)?.end], [4, 8, 8]);
  const second = splitter.feed(bytes.subarray(8), 8, 100);
  assert.deepEqual([second.lines.length, second.used, second.lines.at(-1)?.end], [6, 12, 20]);
});

test('what is a secret by the configuration, and ids of users, are masked wherever they stand', () => {
  const maskValues = createValueMasker(['hunter2hunter2', 'hunter2', 'p@ss:word', 'abc']);
  const table: [string, string][] = [
    ['user hunter2hunter2 came', 'user *** came'],
    ['hunter2/hunter2', '***/***'],
    ['socks5 p@ss:word p@ss:wor', 'socks5 *** p@ss:wor'],
    ['abc is too short to be looked for', 'abc is too short to be looked for'],
    ['hunt', 'hunt'],
    ['', ''],
  ];
  for (const [given, wanted] of table) assert.equal(maskValues(given), wanted);
  const id = 'b831381d-6324-4d53-ad4f-8cda48b30811';
  assert.equal(maskUuids(`vless user ${id.toUpperCase()}, ${id}.`), 'vless user ***, ***.');
  assert.equal(maskUuids('2026-11-29 and 12345678-1234'), '2026-11-29 and 12345678-1234');
  const users = Array.from({ length: 5000 }, (_, i) => `secret-number-${i}`);
  assert.equal(createValueMasker(users)(`x secret-number-4321 y`), 'x *** y');
});

test('colours and control characters go, text and tabs stay, bytes become valid UTF-8', () => {
  const table: [string, string][] = [
    ['\u001b[36mINFO\u001b[0m[0000] ok', 'INFO[0000] ok'],
    ['\u001b]8;;http://x\u0007link\u001b]8;;\u0007', 'link'],
    ['a\tb\r', 'a\tb'],
    ['a\u0000b\u0008c\u007fd\u0085', 'abcd'],
    ['plain ünïcode 日本', 'plain ünïcode 日本'],
  ];
  for (const [given, wanted] of table) assert.equal(cleanText(Buffer.from(given)), wanted);
  assert.equal(cleanText(Buffer.from([0x61, 0xff, 0x62])), 'a\ufffdb');
});

test('fields are masked by their names and by their text', () => {
  const redact = (text: string): string => text.replace(/(password|token)=\S+/g, '$1=***');
  const fields = { password: 'x y', user: 'bob', list: ['token=1'], deep: { token: 'abc', n: 1, none: null } };
  assert.deepEqual(redactFields(fields, redact), {
    password: '***',
    user: 'bob',
    list: ['token=***'],
    deep: { token: '***', n: 1, none: null },
  });
});

test('what is stored reads back the same; half a line reads as nothing', () => {
  const mark = { key: '1.2', offset: 99, skip: true };
  const { seq, ...draft } = entry;
  const text = encode(seq, { ...draft, mark });
  assert.deepEqual(decode(text.trim(), 'edge'), { ...entry, mark });
  assert.equal(decode(text.slice(0, 20), 'edge'), undefined);
  assert.equal(decode('{}', 'edge'), undefined);
});

test('a filter ANDs its fields', () => {
  const table: [Parameters<typeof matcher>[0], boolean][] = [
    [undefined, true],
    [{}, true],
    [{ sources: [] }, true],
    [{ sources: ['a', 'edge'] }, true],
    [{ sources: ['a'] }, false],
    [{ minLevel: 'WARN' }, true],
    [{ minLevel: 'ERROR' }, false],
    [{ sinceMs: 1000, untilMs: 1001 }, true],
    [{ sinceMs: 1001 }, false],
    [{ untilMs: 1000 }, false],
    [{ text: 'WORLD' }, true],
    [{ text: 'no' }, false],
    [{ traceId: 'a'.repeat(32) }, true],
    [{ traceId: 'A'.repeat(32) }, true],
    [{ traceId: 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa' }, true],
    [{ traceId: 'a'.repeat(8) }, false],
    [{ traceId: 'c'.repeat(32) }, false],
    [{ sources: ['edge'], text: 'no' }, false],
  ];
  for (const [filter, wanted] of table) assert.equal(matcher(filter)(entry), wanted, JSON.stringify(filter));
});
