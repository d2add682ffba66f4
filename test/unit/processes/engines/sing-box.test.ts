import assert from 'node:assert/strict';
import { test } from 'node:test';
import { engines } from '../../../../src/processes/engines/index.ts';
import { parseLenientJson } from '../../../../src/processes/engines/lenient-json.ts';

const singBox = engines['sing-box'];

test('lines of both forms give level and message', () => {
  const table = [
    ['INFO[0000] sing-box started (0.05s)', 'INFO', 'sing-box started (0.05s)'],
    ['+0000 2026-11-22 22:26:51 WARN [123 0ms] inbound/mixed[in]: x', 'WARN', '[123 0ms] inbound/mixed[in]: x'],
    ['FATAL[0000] decode config at f: row 2, column 1', 'FATAL', 'decode config at f: row 2, column 1'],
    ['PANIC[0001] x', 'FATAL', 'x'],
    ['panic: runtime error', undefined, undefined],
  ] as const;
  for (const [line, level, message] of table) {
    const parsed = singBox.parse(line);
    assert.deepEqual([parsed.level, parsed.message], [level, message], line);
  }
  assert.match('+0000 2026-11-22 22:26:51 INFO sing-box started (0.05s)', singBox.startupMark);
});

test('comments and trailing commas are read, and text that looks like them is text', () => {
  const text = '{// one\n"a": "http://x/*y*/,]", /* two */ "b": [1, 2,\n], # three\n"5": "q\\"//,}",}';
  assert.deepEqual(parseLenientJson(text), { a: 'http://x/*y*/,]', b: [1, 2], '5': 'q"//,}' });
  assert.throws(() => parseLenientJson('{"a": }'), SyntaxError);
});

test('the listeners of a config', () => {
  const config = `{
    "inbounds": [
      {"type": "mixed", "listen": "127.0.0.1", "listen_port": 2080},
      {"type": "hysteria2", "listen_port": 443},
      {"type": "shadowsocks", "listen_port": 8388, "network": "udp"},
      {"type": "shadowsocks", "listen_port": 8389},
      {"type": "tun"}, {"type": "http"}, 7,
    ],
    "experimental": {"clash_api": {"external_controller": "[::1]:9090"}},
  }`;
  assert.deepEqual(
    singBox.listeners(config).map((l) => `${l.protocol} ${l.address} ${l.port}`),
    ['tcp 127.0.0.1 2080', 'udp :: 443', 'udp :: 8388', 'tcp :: 8389', 'udp :: 8389', 'tcp ::1 9090'],
  );
  assert.deepEqual(singBox.listeners('{"experimental": {"clash_api": {"external_controller": ":9090"}}}'), [
    { address: '::', port: 9090, protocol: 'tcp' },
  ]);
  assert.deepEqual(singBox.listeners('[]'), []);
});

test('argument vectors', () => {
  assert.deepEqual(singBox.runArguments('/c.json'), ['run', '-c', '/c.json', '--disable-color']);
  assert.deepEqual(singBox.checkArguments('/c.json'), ['check', '-c', '/c.json', '--disable-color']);
});
