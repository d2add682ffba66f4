import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { Process } from '../../../gen/ts/sboxagent/v1/process.ts';
import { escapeBeyondJson, printable } from '../../../src/cli/escape.ts';
import { count, duration, list } from '../../../src/cli/flags.ts';
import { durationJson, processJson } from '../../../src/cli/json-shape.ts';
import { jsonText, yamlText } from '../../../src/cli/output.ts';
import { age } from '../../../src/cli/process-table.ts';
import { type Column, runningTable, table } from '../../../src/cli/table.ts';

test('what drives a terminal is shown, not sent', () => {
  for (const [text, shown] of [
    ['plain – text ✓', 'plain – text ✓'],
    ['\u001b]0;title\u0007', '\\x1b]0;title\\x07'],
    ['a\r\nb\tc', 'a\\r\\nb\\tc'],
    ['\u009b31m', '\\x9b31m'],
    ['abc\u202etxt.exe', 'abc\\x202etxt.exe'],
  ] as const) {
    assert.equal(printable(text), shown);
  }
});

test('JSON and YAML say the same value without raw control characters', async () => {
  const data = { s: 'a\u007f\u009b\u202e\u001b\n', 'k\u009b': ['yes', '1.0', '', null, 1.5, 'x: y # z'], absent: undefined };
  const kept = { s: data.s, 'k\u009b': data['k\u009b'] };
  const json = jsonText(data);
  const yaml = await yamlText(data);
  assert.deepEqual(JSON.parse(json), kept);
  assert.deepEqual(parse(yaml), kept);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is what is tested
  for (const text of [json, yaml]) assert.doesNotMatch(text.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u202e]/);
  assert.equal(escapeBeyondJson('"\u2028"'), '"\\u2028"');
});

test('tables are aligned, an empty cell is a dash', () => {
  const columns: readonly Column<readonly string[]>[] = [
    { title: 'A', cell: (row) => row[0] ?? '' },
    { title: 'LONG', cell: (row) => row[1] ?? '', colour: () => 'red' },
    { title: 'C', cell: (row) => row[2] ?? '' },
  ];
  const rows = [
    ['x', '', 'last'],
    ['wider', 'y\n', ''],
  ];
  assert.equal(table(columns, rows, false), 'A      LONG  C\nx      -     last\nwider  y\\n   -\n');
  assert.ok(table(columns, rows, true).includes('\u001b[31my\\n\u001b[0m   -'));
  assert.equal(table(columns, [], false), 'A  LONG  C\n');
  const running = runningTable(
    [
      { title: 'A', cell: (row: string) => row, width: 4 },
      { title: 'B', cell: (row: string) => row },
    ],
    false,
  );
  assert.equal(running.header + running.row('abcdef') + running.row('a'), 'A     B\nabcdef  abcdef\na     a\n');
});

test('durations as proto JSON', () => {
  for (const [seconds, nanos, text] of [
    ['0', 0, '0s'],
    ['3', 500_000_000, '3.500s'],
    ['3', 1, '3.000000001s'],
    ['-1', -250_000, '-1.000250s'],
    ['0', -500_000_000, '-0.500s'],
    ['100000000000', 0, '100000000000s'],
  ] as const) {
    assert.equal(durationJson({ seconds, nanos }), text);
  }
});

test('a process without an exit stays as it is; names are the proto’s', () => {
  const json = JSON.parse(JSON.stringify(processJson(Process.fromPartial({ id: 'x', start_time: '2026-01-01T00:00:00.000Z' }))));
  assert.deepEqual(
    [json.id, json.state, json.start_time, json.restart_count, json.depends_on],
    ['x', 'STATE_UNSPECIFIED', '2026-01-01T00:00:00.000Z', 0, []],
  );
  assert.deepEqual(['exit' in json, 'next_start_time' in json], [false, false]);
});

test('ages', () => {
  for (const [ms, text] of [
    [-5, '0s'],
    [999, '0s'],
    [61_999, '1m1s'],
    [3_661_000, '1h1m'],
    [90_061_000, '1d1h1m'],
  ] as const) {
    assert.equal(age(ms), text);
  }
});

test('values of flags', () => {
  assert.deepEqual(list({ type: ['a,b', 'c', ''] }, 'type'), ['a', 'b', 'c']);
  assert.deepEqual(list({}, 'type'), []);
  assert.equal(count('0', '-n', 5), 0);
  assert.equal(count(undefined, '-n', 5), undefined);
  for (const bad of ['-1', '6', '1.5', '', ' 1', '1e3', '99999999999999999999']) assert.throws(() => count(bad, '-n', 5), /-n takes/);
  assert.equal(duration('1m30s', '--ttl'), 90_000);
  for (const bad of ['', '5', 's', '1s1m', '-1s']) assert.throws(() => duration(bad, '--ttl'), /--ttl takes/);
});
