import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { Process } from '../../../gen/ts/sboxagent/v1/process.ts';
import { escapeBeyondJson, printable } from '../../../src/cli/escape.ts';
import { count, duration, list } from '../../../src/cli/flags.ts';
import { durationJson, processJson } from '../../../src/cli/json-shape.ts';
import { jsonText, yamlText } from '../../../src/cli/output.ts';
import { age } from '../../../src/cli/process-table.ts';
import { type Column, runningTable, type Style, table } from '../../../src/cli/table.ts';
import { cutText, wrapText } from '../../../src/cli/text-width.ts';

const plain: Style = { colours: false, width: Number.POSITIVE_INFINITY };

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
  assert.equal(table(columns, rows, plain), 'A      LONG  C\nx      -     last\nwider  y     -\n');
  assert.ok(table(columns, rows, { ...plain, colours: true }).includes('\u001b[31my\u001b[0m     -'));
  assert.equal(table(columns, [], plain), 'A  LONG  C\n');
  const running = runningTable(
    [
      { title: 'A', cell: (row: string) => row, width: 4 },
      { title: 'B', cell: (row: string) => row },
    ],
    plain,
  );
  assert.equal(running.header + running.row('abcdef') + running.row('a'), 'A     B\nabcdef  abcdef\na     a\n');
});

const message = 'the engine said:\nFATAL decode config at /etc/sing-box/config.json: inbounds[0].listen_port: json: cannot unmarshal\n';

test('line breaks of a text are line breaks, in the last column and in no other', () => {
  const columns: readonly Column<string>[] = [
    { title: 'ID', cell: (row) => row },
    { title: 'MESSAGE', cell: () => 'one\r\ntwo\u001b[2J\n' },
  ];
  assert.equal(table(columns, ['a\nb'], plain), 'ID   MESSAGE\na b  one\n     two\\x1b[2J\n');
});

test('wide characters take two columns, marks none', () => {
  const columns: readonly Column<string>[] = [
    { title: 'NAME', cell: (row) => row },
    { title: 'N', cell: () => '1' },
  ];
  const rows = ['日本語', 'e\u0301te', '👩‍🚀', 'plain'];
  assert.deepEqual(table(columns, rows, plain).split('\n').slice(1, 5), ['日本語  1', 'e\u0301te     1', '👩‍🚀      1', 'plain   1']);
  assert.equal(cutText('日本語です', 7), '日本語…');
  assert.deepEqual(wrapText('日本語です ab cd', 6), ['日本語', 'です', 'ab cd']);
});

test('a table fits the terminal: cells are cut, columns left out, a message broken or put below', () => {
  const columns: readonly Column<string>[] = [
    { title: 'ID', cell: (row) => row, least: 8 },
    { title: 'STATE', cell: () => 'CRASH_LOOP' },
    { title: 'RUNS', cell: () => 'sing-box', drop: 1 },
    { title: 'MESSAGE', cell: () => message },
  ];
  const rows = ['edge', 'a-unit-with-quite-a-long-name.eu'];
  for (const width of [200, 80, 60, 40, 24]) {
    const text = table(columns, rows, { colours: false, width });
    for (const line of text.split('\n')) assert.ok(line.length <= Math.max(width, 28), `${width}: ${line}`);
    assert.match(text.replaceAll(/\s+/g, ''), /Theengine|theenginesaid:FATALdecodeconfigat/i, 'nothing of the message is lost');
    assert.equal(text.includes('RUNS'), width >= 60, String(width));
    assert.equal(text.includes('…'), width < 80, String(width));
  }
  assert.ok(table(columns, rows, plain).includes(rows[1] ?? ''));
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

test('a last column that stands below its row takes no room from the others', () => {
  const columns: readonly Column<readonly [string, string]>[] = [
    { title: 'TYPE', cell: ([type]) => type, width: 20, least: 16 },
    { title: 'TIME', cell: () => '2026-11-29T09:46:56.801Z', width: 24 },
    { title: 'DATA', cell: ([, data]) => data },
  ];
  const { row } = runningTable(columns, { colours: false, width: 48 });
  const data = 'reason=SIGNAL attempt=1 delay_ms=1087';
  assert.equal(row(['process.restarting', data]), `process.restarting  2026-11-29T09:46:56.801Z\n    ${data}\n`);
});
