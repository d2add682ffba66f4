import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Document, engines } from '../../../../src/processes/engines/index.ts';
import { formatOf, readConfig } from '../../../../src/processes/engines/read-config.ts';
import type { EngineName } from '../../../../src/settings/types.ts';

function read(engine: EngineName, text: string): Document {
  const config = readConfig(engines[engine], text);
  assert.ok(config.ok, JSON.stringify(config));
  return config.document;
}

test('lines of each engine give level, message and time', () => {
  const table = [
    ['sing-box', 'INFO[0000] sing-box started (0.05s)', 'INFO', 'sing-box started (0.05s)', undefined],
    [
      'sing-box',
      '+0200 2026-11-22 22:26:51 WARN [123 0ms] inbound/mixed[in]: x',
      'WARN',
      '[123 0ms] inbound/mixed[in]: x',
      '2026-11-22T20:26:51.000Z',
    ],
    ['sing-box', 'FATAL[0000] decode config at f: row 2, column 1', 'FATAL', 'decode config at f: row 2, column 1', undefined],
    ['sing-box', 'PANIC[0001] x', 'FATAL', 'x', undefined],
    ['sing-box', 'panic: runtime error', undefined, undefined, undefined],
    [
      'xray',
      '2026/11/29 07:57:37.968314 [Warning] core: Xray 26.3.27 started',
      'WARN',
      'core: Xray 26.3.27 started',
      new Date(2026, 10, 29, 7, 57, 37, 968).toISOString(),
    ],
    [
      'xray',
      '2026/11/29 07:57:37 from tcp:127.0.0.1:1 accepted tcp:x:80 [direct]',
      'INFO',
      'from tcp:127.0.0.1:1 accepted tcp:x:80 [direct]',
      new Date(2026, 10, 29, 7, 57, 37).toISOString(),
    ],
    ['xray', 'Failed to start: main: x', 'FATAL', undefined, undefined],
    ['xray', 'A unified platform for anti-censorship.', undefined, undefined, undefined],
    [
      'mihomo',
      'time="2026-08-20T17:44:17.123456789Z" level=warning msg="[TCP] dial \\"x\\" failed"',
      'WARN',
      '[TCP] dial "x" failed',
      '2026-08-20T17:44:17.123Z',
    ],
    ['mihomo', 'configuration file /c test failed', undefined, undefined, undefined],
    [
      'hysteria',
      '{"level":"error","time":1660000000000,"msg":"client error","addr":"1.2.3.4:5"}',
      'ERROR',
      'client error',
      '2022-08-08T23:06:40.000Z',
    ],
    [
      'hysteria',
      '2026-08-20T17:44:17Z\t\u001b[34mINFO\u001b[0m\tserver up and running\t{"listen": ":443"}',
      'INFO',
      'server up and running {"listen": ":443"}',
      '2026-08-20T17:44:17.000Z',
    ],
    ['hysteria', '{"level":', undefined, undefined, undefined],
  ] as const;
  for (const [engine, line, level, message, time] of table) {
    const parsed = engines[engine].parse(line);
    const said = parsed.timeMs === undefined ? undefined : new Date(parsed.timeMs).toISOString();
    assert.deepEqual([parsed.level, parsed.message, said], [level, message, time], line);
  }
});

test('marks of a start, of a reload and of its failure', () => {
  assert.match('+0000 2026-11-22 22:26:51 INFO sing-box started (0.05s)', engines['sing-box'].startupMark);
  assert.match('2026/11/29 07:57:37.968314 [Warning] core: Xray 26.3.27 started', engines.xray.startupMark);
  assert.match('time="x" level=info msg="Initial configuration complete, total time: 3ms"', engines.mihomo.startupMark);
  assert.match('{"level":"info","time":1,"msg":"server up and running","listen":":443"}', engines.hysteria.startupMark);
  const why = engines['sing-box'].reload?.failed.exec('ERROR[0003] reload service: decode config at /c: row 1, column 2')?.groups?.['why'];
  assert.equal(why, 'decode config at /c: row 1, column 2');
  assert.match('+0000 2026-11-22 22:26:51 ERROR reload service: x', engines['sing-box'].reload?.failed ?? /$./);
  assert.equal(engines.mihomo.reload?.failed.exec('time="x" level=error msg="Parse config error: y"')?.groups?.['why'], 'y');
  assert.deepEqual([engines.xray.reload, engines.hysteria.reload], [undefined, undefined]);
});

test('argument vectors and versions', () => {
  const run = (engine: EngineName, args: readonly string[] = []): string => engines[engine].runArguments('/c', args).join(' ');
  assert.equal(run('sing-box', ['-D', '/x']), 'run -c /c --disable-color -D /x');
  assert.equal(run('xray'), 'run -c /c');
  assert.equal(run('mihomo'), '-d . -f /c');
  assert.equal(run('hysteria'), 'server -c /c');
  assert.equal(run('hysteria', ['client', '-l', 'debug']), 'client -c /c -l debug');
  assert.deepEqual(engines['sing-box'].checkArguments?.('/c'), ['check', '-c', '/c', '--disable-color']);
  assert.deepEqual(engines.mihomo.checkArguments?.('/c', '/h'), ['-t', '-d', '/h', '-f', '/c']);
  const versions = [
    ['sing-box', 'sing-box version 1.14.1\n\nEnvironment: go1.26', '1.14.1'],
    ['sing-box', 'sing-box version unknown\n\nEnvironment: go1.26', undefined],
    ['xray', 'Xray 26.3.27 (Xray, Penetrates Everything.) Custom', '26.3.27'],
    ['mihomo', 'Mihomo Meta v1.19.10 linux amd64 with go1.24 x', '1.19.10'],
    ['hysteria', 'Version:\tv2.6.1\nBuildDate:\t2026', '2.6.1'],
  ] as const;
  for (const [engine, said, version] of versions) assert.equal(engines[engine].version.exec(said)?.[1], version, said);
});

test('JSON with comments and trailing commas is read as the engines read it', () => {
  const text = '{// one\n"a": "http://x/*y*/,]", /* two **/ "b": [1, 2,\n], # three "c": 1\n"5": "q\\"//,}",} /* open';
  assert.deepEqual({ ...read('sing-box', text) }, { a: 'http://x/*y*/,]', b: [1, 2], '5': 'q"//,}' });
  const faults = [
    ['{"a": }', 'syntax', 1],
    ["{'a': 1}", 'syntax', 1],
    ['{"a": 1}\n{"b": 2}', 'syntax', 2],
    ['{"a": 1,\n"a": 2}', 'duplicate_key', 2],
    ['{"log": {"level": "info",\n"LE\\u0056EL": "x"}}', 'duplicate_key', 2],
    ['{"clash_api": 1, "cla\u017fh_api": 2}', 'duplicate_key', 1],
    ['['.repeat(20_000), 'too_deep', 1],
    [`{"a": "${'x'.repeat(10 << 20)}"}`, 'too_large', 0],
    ['7', 'syntax', 1],
    ['', 'syntax', 1],
  ] as const;
  for (const [text, rule, line] of faults) {
    const config = readConfig(engines['sing-box'], text);
    assert.deepEqual(config.ok ? config : [config.fault.rule, config.fault.line], [rule, line], text.slice(0, 60));
  }
  assert.equal(readConfig(engines['sing-box'], '{"headers": {"Host": 1, "host": 2}}').ok, true);
});

test('YAML is read with its anchors, and within bounds', () => {
  const config = read('mihomo', 'x: &a {port: 1}\nproxies:\n  - <<: *a\n    name: b\n  - {<<: *a, name: c}\n');
  assert.deepEqual(JSON.parse(JSON.stringify(config['proxies'])), [
    { port: 1, name: 'b' },
    { port: 1, name: 'c' },
  ]);
  const lol = Array.from(
    { length: 9 },
    (_, i) =>
      `l${i}: &l${i} [${
        i === 0
          ? 'x'
          : Array(9)
              .fill(`*l${i - 1}`)
              .join(',')
      }]`,
  ).join('\n');
  const faults = [
    [lol, 'too_large'],
    ['a: 1\nA: 2', 'duplicate_key'],
    ['private-key: 1\nprivate_key: 2', 'duplicate_key'],
    [`${'{a: '.repeat(20_000)}`, 'too_deep'],
    ['? '.repeat(500), 'too_deep'],
    ['a: [', 'syntax'],
    ['- a', 'syntax'],
  ] as const;
  for (const [text, rule] of faults) {
    const config = readConfig(engines.mihomo, text);
    assert.equal(config.ok ? 'read' : config.fault.rule, rule, text.slice(0, 60));
  }
  assert.deepEqual(readConfig(engines.mihomo, ''), { ok: true, document: {}, format: 'yaml' });
});

test('the format of a config', () => {
  assert.equal(formatOf(engines.xray, '/c.yaml'), 'yaml');
  assert.equal(formatOf(engines.xray, '/c'), 'json');
  assert.equal(formatOf(engines.hysteria, '/c.json'), 'json');
});

const shown = (engine: EngineName, text: string): readonly string[] =>
  engines[engine].listeners(read(engine, text)).map((l) => `${l.network} ${l.address} ${l.port} ${l.kind} ${l.tag} ${l.users}`.trim());

test('the listeners of a config', () => {
  assert.deepEqual(
    shown(
      'sing-box',
      `{
        "inbounds": [
          {"type": "mixed", "tag": "in", "listen": "127.0.0.1", "listen_port": 2080, "users": [{"username": "a", "password": "b"}]},
          {"type": "hysteria2", "listen_port": 443},
          {"type": "shadowsocks", "listen_port": 8388, "network": "udp"},
          {"type": "shadowsocks", "listen_port": 8389},
          {"type": "tun"}, {"type": "http"}, 7,
        ],
        "experimental": {"clash_api": {"external_controller": "[::1]:9090"}},
        "services": [{"type": "api", "listen": "127.0.0.1", "listen_port": 9091}],
      }`,
    ),
    [
      'tcp 127.0.0.1 2080 mixed in 1',
      'udp :: 443 hysteria2  0',
      'udp :: 8388 shadowsocks  0',
      'tcp :: 8389 shadowsocks  0',
      'udp :: 8389 shadowsocks  0',
      'tcp ::1 9090 clash  0',
      'tcp 127.0.0.1 9091 sing-box  0',
    ],
  );
  assert.deepEqual(shown('sing-box', '{"experimental": {"clash_api": {"external_controller": ":9090"}}}'), ['tcp :: 9090 clash  0']);
  assert.deepEqual(
    shown(
      'xray',
      `{"inbounds": [
        {"protocol": "socks", "tag": "s", "port": "1080-1081", "listen": "127.0.0.1", "settings": {"auth": "password", "accounts": [{"user": "a", "pass": "b"}]}},
        {"protocol": "dokodemo-door", "port": 53, "settings": {"network": "tcp,udp"}},
        {"protocol": "vless", "port": 443, "streamSettings": {"network": "kcp"}, "settings": {"clients": [{"id": "1"}, {"id": "2"}]}},
        {"protocol": "vless", "listen": "/run/x.sock"}
      ], "api": {"tag": "api", "listen": "127.0.0.1:10085"}}`,
    ),
    [
      'tcp 127.0.0.1 1080 socks s 1',
      'tcp 127.0.0.1 1081 socks s 1',
      'tcp 0.0.0.0 53 dokodemo-door  0',
      'udp 0.0.0.0 53 dokodemo-door  0',
      'udp 0.0.0.0 443 vless  2',
      'tcp 127.0.0.1 10085 api  0',
    ],
  );
  assert.deepEqual(
    shown(
      'mihomo',
      'mixed-port: 7890\nport: 0\nauthentication: ["u:p"]\ndns: {enable: true, listen: "0.0.0.0:1053"}\nexternal-controller: 127.0.0.1:9090\nlisteners: [{name: t, type: tuic, port: 10443, listen: 0.0.0.0}]',
    ),
    [
      'tcp 127.0.0.1 7890 mixed mixed-port 1',
      'udp 127.0.0.1 7890 mixed mixed-port 1',
      'udp 0.0.0.0 10443 tuic t 0',
      'tcp 0.0.0.0 1053 dns dns 0',
      'udp 0.0.0.0 1053 dns dns 0',
      'tcp 127.0.0.1 9090 clash  0',
    ],
  );
  assert.deepEqual(shown('mihomo', 'allow-lan: true\nport: 8080'), ['tcp :: 8080 http port 0']);
  assert.deepEqual(shown('hysteria', 'auth: {type: password, password: x}\ntrafficStats: {listen: ":9999", secret: y}'), [
    'udp :: 443 hysteria listen 1',
    'tcp :: 9999 api trafficStats.listen 0',
  ]);
  assert.deepEqual(shown('hysteria', 'server: a:443\nsocks5: {listen: "127.0.0.1:1080"}'), ['tcp 127.0.0.1 1080 socks5 socks5.listen 0']);
});

test('the inbound that a probe goes through, with its own user', () => {
  const way = (engine: EngineName, text: string): unknown => engines[engine].proxyInbound(read(engine, text));
  assert.deepEqual(
    way(
      'sing-box',
      '{"inbounds": [{"type": "tun"}, {"type": "http", "listen_port": 1, "tls": {"enabled": true}}, {"type": "socks", "listen": "::", "listen_port": 2, "users": [{"Username": "a", "Password": "b"}]}]}',
    ),
    {
      scheme: 'socks5',
      host: '::1',
      port: 2,
      user: { name: 'a', password: 'b' },
    },
  );
  assert.deepEqual(
    way(
      'xray',
      '{"inbounds": [{"protocol": "vless", "port": 1}, {"protocol": "http", "port": 2, "settings": {"accounts": [{"user": "a", "pass": "b"}]}}]}',
    ),
    {
      scheme: 'http',
      host: '127.0.0.1',
      port: 2,
      user: { name: 'a', password: 'b' },
    },
  );
  assert.deepEqual(way('mihomo', 'socks-port: 7891\nauthentication: ["a:b:c"]'), {
    scheme: 'socks5',
    host: '127.0.0.1',
    port: 7891,
    user: { name: 'a', password: 'b:c' },
  });
  assert.deepEqual(way('mihomo', 'listeners: [{type: mixed, port: 9, users: [{username: a, password: b}]}]'), {
    scheme: 'http',
    host: '::1',
    port: 9,
    user: { name: 'a', password: 'b' },
  });
  assert.deepEqual(way('hysteria', 'server: a:443\nhttp: {listen: ":8080", username: a, password: b}'), {
    scheme: 'http',
    host: '::1',
    port: 8080,
    user: { name: 'a', password: 'b' },
  });
  assert.equal(way('hysteria', 'listen: :443'), undefined);
  assert.equal(way('sing-box', '{}'), undefined);
});

test('the APIs that a config opens', () => {
  const api = (engine: EngineName, text: string): unknown =>
    engines[engine]
      .apis(read(engine, text))
      .map((a) => `${a.kind} ${a.path} ${a.address}:${a.port} ${a.guard} ${a.secret.value} ${a.origins.values}`.trim());
  assert.deepEqual(
    api(
      'sing-box',
      '{"experimental": {"clash_api": {"external_controller": "127.0.0.1:9090", "secret": "s", "access_control_allow_origin": "*"}, "debug": {"listen": ":1"}}}',
    ),
    ['clash experimental.clash_api.external_controller 127.0.0.1:9090 required s *', 'debug experimental.debug.listen :::1 impossible'],
  );
  assert.deepEqual(
    api(
      'xray',
      '{"api": {"tag": "api"}, "inbounds": [{"tag": "a", "port": 1, "listen": "127.0.0.1"}, {"tag": "b", "port": 2}], "routing": {"rules": [{"inboundTag": ["b"], "outboundTag": "api"}]}}',
    ),
    ['xray inbounds[1].listen 0.0.0.0:2 none'],
  );
  assert.deepEqual(api('mihomo', 'external-controller: 0.0.0.0:9090\nsecret: s'), ['clash external-controller 0.0.0.0:9090 required s']);
  assert.deepEqual(api('hysteria', 'trafficStats: {listen: ":9999", secret: y}'), ['hysteria trafficStats.listen :::9999 required y']);
});
