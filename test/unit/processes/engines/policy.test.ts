import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { engines } from '../../../../src/processes/engines/index.ts';
import { compileKeys, foldName } from '../../../../src/processes/engines/key-pattern.ts';
import { judgeConfig, type PolicyScope, type PolicyViolation } from '../../../../src/processes/engines/policy.ts';
import { readConfig } from '../../../../src/processes/engines/read-config.ts';
import { realPathOf } from '../../../../src/processes/engines/real-path.ts';
import type { EngineName } from '../../../../src/settings/types.ts';
import { hostileConfigs } from '../../../fixtures/processes/hostile-configs.ts';

const scope: PolicyScope = {
  cwd: '/var/lib/edge',
  allowedDirs: ['/var/lib/edge', '/state/units/edge'],
  reserved: ['/state/units/edge/run.json'],
  realPath: (path) => path,
};
/** As an apply does: what cannot be read is not judged. */
const violationsOf = (name: EngineName, text: string, over: Partial<PolicyScope> = {}): readonly PolicyViolation[] => {
  const config = readConfig(engines[name], text);
  return config.ok ? judgeConfig(engines[name], { ...config, text }, { ...scope, ...over }) : [config.fault];
};
const judged = (...asked: Parameters<typeof violationsOf>): readonly string[] =>
  violationsOf(...asked).map(({ rule, path }) => `${rule} ${path}`.trim());

test('what a config from outside may not choose is refused, each with its path', () => {
  assert.ok(hostileConfigs.length >= 60);
  for (const [engine, text, ...violations] of hostileConfigs)
    assert.deepEqual(judged(engine, text), violations, `${engine} ${text.slice(0, 200)}`);
});

const ordinary: readonly (readonly [EngineName, string])[] = [
  [
    'sing-box',
    `{
      // a client
      "log": {"level": "info", "timestamp": true, "output": "box.log"},
      "dns": {"servers": [{"type": "https", "server": "1.1.1.1", "path": "/dns-query"}, {"type": "hosts", "path": "hosts", "predefined": {"a.b": "1.2.3.4"}}]},
      "inbounds": [
        {"type": "mixed", "listen": "0.0.0.0", "listen_port": 2080, "users": [{"username": "a", "password": "b"}]},
        {"type": "vless", "listen": "::", "listen_port": 443, "users": [{"uuid": "x"}], "tls": {"enabled": true, "certificate_path": "/var/lib/edge/cert.pem", "key_path": "/state/units/edge/key.pem"}, "transport": {"type": "ws", "path": "/ws/../x", "headers": {"Host": "/a", "X": "../b"}}},
        {"type": "tun", "auto_route": true},
      ],
      "outbounds": [{"type": "http", "path": "/proxy"}, {"type": "tor"}, {"type": "shadowsocks", "plugin": "obfs-local", "plugin_opts": "obfs=http;obfs-host=/x"}],
      "route": {"rules": [{"process_path": ["/usr/bin/curl"], "process_path_regex": "^/opt/.+"}], "rule_set": [{"type": "remote", "url": "https://a/b.srs"}, {"type": "local", "path": "rules/cn.srs"}]},
      "experimental": {"cache_file": {"enabled": true}, "clash_api": {"external_controller": "127.0.0.1:9090", "secret": "long enough", "external_ui": "ui", "access_control_allow_origin": ["https://x"]}, "v2ray_api": {"listen": "127.0.0.1:1"}},
    }`,
  ],
  [
    'xray',
    `{
      "log": {"access": "none", "error": "", "loglevel": "warning"},
      "api": {"tag": "api", "services": ["StatsService"]}, "stats": {},
      "inbounds": [
        {"tag": "api-in", "listen": "127.0.0.1", "port": 10085, "protocol": "dokodemo-door", "settings": {"address": "127.0.0.1"}},
        {"listen": "0.0.0.0", "port": 443, "protocol": "vless", "settings": {"clients": [{"id": "x"}], "decryption": "none", "fallbacks": [{"path": "/ws", "dest": 8080}]},
         "streamSettings": {"network": "ws", "wsSettings": {"path": "/ws", "headers": {"Host": "/a"}}, "realitySettings": {"spiderX": "/", "dest": "a.com:443"}, "tlsSettings": {"certificates": [{"certificate": ["-----BEGIN CERTIFICATE-----"], "keyFile": "key.pem"}]}}}
      ],
      "outbounds": [{"protocol": "freedom"}],
      "routing": {"rules": [{"inboundTag": ["api-in"], "outboundTag": "api"}, {"domain": ["geosite:cn", "ext:my.dat:x"], "process": ["/usr/bin/curl"], "attrs": {":path": "/x"}, "outboundTag": "direct"}]}
    }`,
  ],
  [
    'mihomo',
    `
mixed-port: 7890
allow-lan: true
external-controller: 127.0.0.1:9090
secret: something
external-doh-server: /dns-query
external-ui: ui
common: &p {type: http, interval: 3600}
proxy-providers:
  a: {<<: *p, url: "https://x/y", path: ./providers/a.yaml}
proxies:
  - {name: w, type: wireguard, private-key: "/Ctx/Z27+4PbhDkHnB923tkUn2Gj59wZw5wFA75MnU=", public-key: /x}
  - {name: v, type: vmess, ws-opts: {path: /ws, headers: {Host: /}}, http-opts: {path: [/a, /b]}}
  - {name: s, type: ssh, private-key: "-----BEGIN OPENSSH PRIVATE KEY-----\\nabc"}
listeners:
  - {name: r, type: vless, port: 1, reality-config: {private-key: "/x/y"}}
rules:
  - PROCESS-PATH,/usr/bin/wget,DIRECT
  - MATCH,DIRECT
`,
  ],
  [
    'hysteria',
    'listen: :443\ntls: {cert: cert.pem, key: key.pem}\nauth: {type: userpass, userpass: {Bob: a, bob: b}}\nmasquerade: {type: string, string: {content: "/etc/passwd", headers: {a: /b}}}\nacl: {inline: ["reject(all, tcp/25)"]}\ntrafficStats: {listen: "127.0.0.1:9999", secret: x}',
  ],
  ['hysteria', 'server: a.example:443\nauth: /not/a/file\nsocks5: {listen: 0.0.0.0:1080}'],
];

test('ordinary configs pass', () => {
  for (const [engine, text] of ordinary) assert.deepEqual(judged(engine, text), [], engine);
});

test('a violation says where it stands and what to do', () => {
  const [violation] = violationsOf('sing-box', '{\n  "log": {\n    "output": "/etc/x"\n  }\n}');
  assert.deepEqual([violation?.path, violation?.line], ['log.output', 3]);
  assert.match(violation?.message ?? '', /^"\/etc\/x" is outside .* apply\.allowed_dirs$/);
});

test('links that lead outside are followed, also those that lead to nothing yet', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'policy-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, 'in/deep'), { recursive: true });
  mkdirSync(join(dir, 'out'));
  symlinkSync('../out', join(dir, 'in/way'));
  symlinkSync(join(dir, 'out/later'), join(dir, 'in/log'));
  symlinkSync('round', join(dir, 'in/round'));
  symlinkSync('deep', join(dir, 'in/fine'));
  symlinkSync(join(dir, 'in'), join(dir, 'alias'));
  const at = (output: string, allowed = join(dir, 'in')): readonly string[] =>
    judged('sing-box', JSON.stringify({ log: { output } }), { cwd: allowed, allowedDirs: [allowed], realPath: realPathOf });
  for (const output of ['way/x', 'log', 'round', join(dir, 'out/x')]) assert.deepEqual(at(output), ['file_outside log.output'], output);
  for (const output of ['fine/x', 'deep/new/x', 'x']) assert.deepEqual(at(output), [], output);
  assert.deepEqual(at('x', join(dir, 'alias')), [], 'an allowed directory may itself be a link');
});

test('every key of sing-box that is a path by its name is known', (t) => {
  let schema: unknown;
  try {
    schema = JSON.parse(
      execFileSync('sing-box', ['schema'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 8 << 20 }),
    );
  } catch {
    return t.skip('there is no sing-box on PATH that knows `schema`');
  }
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === 'properties' && typeof inner === 'object' && inner !== null) for (const name of Object.keys(inner)) found.add(name);
      visit(inner);
    }
  };
  visit(schema);
  const { keys } = engines['sing-box'];
  const known = compileKeys([...keys.files, ...keys.notFiles, ...keys.programs]);
  const pathLike = [...found].filter(
    (name) => /(?:_|^)(?:path|file|files|directory|dir|executable)$/.test(name) && !['path', 'directory', 'cache_file'].includes(name),
  );
  assert.ok(pathLike.length > 20);
  const unknown = pathLike.filter((name) => !known(['x', foldName(name)], '') && name !== 'tcp_multi_path');
  assert.deepEqual(unknown, []);
});
