import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { engines } from '../../../../src/processes/engines/index.ts';
import { compileKeys, foldName } from '../../../../src/processes/engines/key-pattern.ts';
import { judgeConfig, type PolicyScope } from '../../../../src/processes/engines/policy.ts';
import { realPathOf } from '../../../../src/processes/engines/real-path.ts';
import type { EngineName } from '../../../../src/settings/types.ts';

const scope: PolicyScope = {
  cwd: '/var/lib/edge',
  allowedDirs: ['/var/lib/edge', '/state/units/edge'],
  reserved: ['/state/units/edge/run.json'],
  realPath: (path) => path,
};
const judged = (engine: EngineName, text: string, over: Partial<PolicyScope> = {}): readonly string[] =>
  judgeConfig(engines[engine], { text }, { ...scope, ...over }).map(({ rule, path }) => `${rule} ${path}`.trim());

const clash = (over: object): string =>
  JSON.stringify({ experimental: { clash_api: { external_controller: '127.0.0.1:9090', secret: 's3cret', ...over } } });
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
const wide = `a: &a {${Array.from({ length: 1000 }, (_, i) => `k${i}: 1`).join(', ')}}\nb: [${Array(4000).fill('*a').join(', ')}]`;

/** Engine, config, and every violation that it has. */
const hostile: readonly (readonly [EngineName, string, ...string[]])[] = [
  ['sing-box', '{"log": {"output": "/etc/cron.d/x"}}', 'file_outside log.output'],
  ['sing-box', '{"log": {"output": "../../etc/x"}}', 'file_outside log.output'],
  ['sing-box', '{"log": {"output": "/var/lib/edge/../../../etc/x"}}', 'file_outside log.output'],
  ['sing-box', '{"log": {"output": "/var/lib/edgeless/x"}}', 'file_outside log.output'],
  ['sing-box', '{"log": {"output": "/state/units/edge/run.json"}}', 'file_reserved log.output'],
  ['sing-box', '{"LOG": {"Output": "/etc/x"}}', 'file_outside LOG.Output'],
  ['sing-box', '{"log": /* {"output": "x"} */ {"output": "/etc/x" // ok\n}}', 'file_outside log.output'],
  ['sing-box', '{"l\\u006fg": {"output": "\\u002fetc/x"}}', 'file_outside log.output'],
  [
    'sing-box',
    '{"inbounds": [{"type": "trojan", "tls": {"certificate_path": "/etc/ssl/a.pem", "key_path": "/etc/shadow"}}]}',
    'file_outside inbounds[0].tls.certificate_path',
    'file_outside inbounds[0].tls.key_path',
  ],
  ['sing-box', '{"inbounds": [{"type": "hysteria2", "masquerade": "file:///etc"}]}', 'file_outside inbounds[0].masquerade'],
  [
    'sing-box',
    '{"inbounds": [{"type": "hysteria2", "masquerade": {"type": "file", "directory": "$HOME"}}]}',
    'file_outside inbounds[0].masquerade.directory',
  ],
  [
    'sing-box',
    '{"route": {"rule_set": [{"type": "local", "tag": "a", "path": "/root/.ssh/id_rsa"}]}}',
    'file_outside route.rule_set[0].path',
  ],
  ['sing-box', '{"experimental": {"cache_file": {"enabled": true, "path": "/etc/passwd"}}}', 'file_outside experimental.cache_file.path'],
  ['sing-box', '{"dns": {"servers": [{"type": "hosts", "path": ["/etc/shadow"]}]}}', 'file_outside dns.servers[0].path[0]'],
  ['sing-box', '{"outbounds": [{"type": "ssh", "private_key_path": "/root/.ssh/id_rsa"}]}', 'file_outside outbounds[0].private_key_path'],
  [
    'sing-box',
    '{"outbounds": [{"type": "shadowsocks", "plugin": "v2ray-plugin", "plugin_opts": "tls;cert=/etc/shadow;path=/ws"}]}',
    'file_outside outbounds[0].plugin_opts',
  ],
  [
    'sing-box',
    '{"outbounds": [{"type": "tor", "executable_path": "/bin/sh", "extra_args": ["-c", "id"], "torrc": {"ClientTransportPlugin": "x exec /bin/sh"}}]}',
    'program outbounds[0].executable_path',
    'program outbounds[0].extra_args',
    'program outbounds[0].torrc',
  ],
  ['sing-box', '{"endpoints": [{"type": "openconnect", "csd": {"wrapper_path": "/tmp/x"}}]}', 'program endpoints[0].csd.wrapper_path'],
  [
    'sing-box',
    '{"endpoints": [{"type": "tailscale", "ssh_server": true, "state_directory": "/root/ts"}]}',
    'program endpoints[0].ssh_server',
    'file_outside endpoints[0].state_directory',
  ],
  ['sing-box', '{"services": [{"type": "ccm", "credential_path": "/root/.config/x"}]}', 'file_outside services[0].credential_path'],
  ['sing-box', '{"services": [{"type": "ssm-api", "listen": "127.0.0.1", "listen_port": 1}]}', 'api_without_secret services[0].listen'],
  [
    'sing-box',
    '{"services": [{"type": "api", "listen_port": 1, "access_control_allow_origin": "*"}]}',
    'api_public services[0].listen',
    'api_without_secret services[0].secret',
    'api_any_origin services[0].access_control_allow_origin',
  ],
  ['sing-box', '{"outbounds": [{"type": "direct", "netns": "/proc/1/ns/net"}]}', 'file_outside outbounds[0].netns'],
  ['sing-box', '{"outbounds": [{"type": "direct", "some_new_option": "/etc/shadow"}]}', 'file_outside outbounds[0].some_new_option'],
  ['sing-box', clash({ secret: '' }), 'api_without_secret experimental.clash_api.secret'],
  ['sing-box', clash({ secret: '  ' }), 'api_without_secret experimental.clash_api.secret'],
  ['sing-box', clash({ external_controller: ':9090' }), 'api_public experimental.clash_api.external_controller'],
  ['sing-box', clash({ external_controller: '0.0.0.0:9090' }), 'api_public experimental.clash_api.external_controller'],
  ['sing-box', clash({ external_controller: '127.0.0.1.evil.example:9090' }), 'api_public experimental.clash_api.external_controller'],
  ['sing-box', clash({ external_controller: 'nonsense' }), 'api_public experimental.clash_api.external_controller'],
  [
    'sing-box',
    clash({ access_control_allow_origin: ['https://a', '*'] }),
    'api_any_origin experimental.clash_api.access_control_allow_origin',
  ],
  ['sing-box', clash({ External_UI: '/etc' }), 'file_outside experimental.clash_api.External_UI'],
  [
    'sing-box',
    '{"experimental": {"v2ray_api": {"listen": "0.0.0.0:1"}, "debug": {"listen": "127.0.0.1:2"}}}',
    'api_public experimental.v2ray_api.listen',
    'api_without_secret experimental.debug.listen',
  ],
  ['sing-box', '{"experimental": {"clash_api": {"secret": "x", "SECRET": ""}}}', 'duplicate_key experimental.clash_api.SECRET'],
  ['sing-box', '{"log": {"output": "a"}, "log": {"output": "/etc/x"}}', 'duplicate_key log'],
  ['sing-box', '{"a": 1} {"log": {"output": "/etc/x"}}', 'syntax'],
  ['sing-box', '{"a":'.repeat(20_000), `too_deep ${'a.'.repeat(100).slice(0, -1)}`],
  ['sing-box', `{"a": "${'x'.repeat(10 << 20)}"}`, 'too_large'],
  ['xray', '{"log": {"access": "/etc/cron.d/x", "error": "none"}}', 'file_outside log.access'],
  ['xray', '{"Log": {"ERROR": "/root/x"}}', 'file_outside Log.ERROR'],
  [
    'xray',
    '{"inbounds": [{"streamSettings": {"tlsSettings": {"masterKeyLog": "/tmp/k", "certificates": [{"certificateFile": "/etc/a", "keyFile": "/etc/b"}]}}}]}',
    'file_outside inbounds[0].streamSettings.tlsSettings.masterKeyLog',
    'file_outside inbounds[0].streamSettings.tlsSettings.certificates[0].certificateFile',
    'file_outside inbounds[0].streamSettings.tlsSettings.certificates[0].keyFile',
  ],
  ['xray', '{"inbounds": [{"listen": "/var/run/x.sock,0666"}]}', 'file_outside inbounds[0].listen'],
  [
    'xray',
    '{"inbounds": [{"settings": {"fallbacks": [{"path": "/ws", "dest": "/var/run/docker.sock"}]}}]}',
    'file_outside inbounds[0].settings.fallbacks[0].dest',
  ],
  ['xray', '{"routing": {"rules": [{"ip": ["ext:../../etc/x.dat:cn"]}]}}', 'file_outside routing.rules[0].ip[0]'],
  [
    'xray',
    '{"routing": {"rules": [{"webhook": {"url": "http+unix:///var/run/docker.sock"}}]}}',
    'file_outside routing.rules[0].webhook.url',
  ],
  ['xray', '{"env": {"xray.location.asset": "/etc"}}', 'file_outside env.xray.location.asset'],
  [
    'xray',
    '{"api": {"tag": "api", "listen": "0.0.0.0:1"}, "metrics": {"tag": "m", "listen": "[::]:2"}}',
    'api_public api.listen',
    'api_public metrics.listen',
  ],
  [
    'xray',
    '{"api": {"tag": "api"}, "inbounds": [{"tag": "in", "port": 1, "protocol": "dokodemo-door"}], "routing": {"rules": [{"inboundTag": "in", "outboundTag": "api"}]}}',
    'api_public inbounds[0].listen',
  ],
  [
    'xray',
    '{"api": {"tag": "api"}, "inbounds": [{"tag": "in", "port": 1}], "routing": {"balancers": [{"tag": "b", "selector": ["a"]}], "rules": [{"balancerTag": "b"}]}}',
    'api_public inbounds[0].listen',
  ],
  ['mihomo', 'external-controller: 0.0.0.0:9090', 'api_public external-controller', 'api_without_secret secret'],
  [
    'mihomo',
    'external-controller-tls: :9443\nsecret: x\nexternal-controller-cors: {allow-origins: ["*"]}',
    'api_public external-controller-tls',
    'api_any_origin external-controller-cors.allow-origins',
  ],
  ['mihomo', 'external-controller-unix: /run/m.sock', 'file_outside external-controller-unix'],
  ['mihomo', 'external-ui: /root\nexternal-ui-name: ../../../etc', 'file_outside external-ui', 'file_outside external-ui-name'],
  ['mihomo', 'proxy-providers: {a: {type: http, path: ../../../../root/.profile}}', 'file_outside proxy-providers.a.path'],
  ['mihomo', 'rule-providers: {a: {type: file, path: /etc/shadow}}', 'file_outside rule-providers.a.path'],
  [
    'mihomo',
    'x: &p {path: /etc/shadow}\nrule-providers: {a: {<<: *p, type: file}}',
    'file_outside x.path',
    'file_outside rule-providers.a.path',
  ],
  ['mihomo', 'proxies: [{type: ssh, private_key: /root/.ssh/id_rsa}]', 'file_outside proxies[0].private_key'],
  ['mihomo', 'listeners: [{type: trojan, certificate: ~/a.pem}]', 'file_outside listeners[0].certificate'],
  ['mihomo', lol, 'too_large'],
  ['mihomo', wide, 'too_large'],
  ['mihomo', 'a: *a', 'too_large'],
  ['mihomo', '{a: '.repeat(20_000), 'too_deep'],
  ['mihomo', 'secret: x\nsecret: ""', 'duplicate_key secret'],
  ['hysteria', 'auth: {type: command, command: /bin/sh}', 'program auth.command'],
  ['hysteria', 'tls: {cert: /etc/a, key: ../../../etc/shadow}', 'file_outside tls.cert', 'file_outside tls.key'],
  ['hysteria', 'masquerade: {type: file, file: {dir: /}}', 'file_outside masquerade.file.dir'],
  [
    'hysteria',
    'acl: {file: /etc/passwd, geoip: /etc/x}\nacme: {dir: /root}',
    'file_outside acl.file',
    'file_outside acl.geoip',
    'file_outside acme.dir',
  ],
  ['hysteria', 'mimic: {enabled: true, path: /tmp/x, extraArgs: [-x]}', 'program mimic.path', 'program mimic.extraArgs'],
  ['hysteria', 'trafficStats: {listen: ":9999"}', 'api_public trafficStats.listen', 'api_without_secret trafficStats.secret'],
];

test('what a config from outside may not choose is refused, each with its path', () => {
  assert.ok(hostile.length >= 60);
  for (const [engine, text, ...violations] of hostile)
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
  const [violation] = judgeConfig(engines['sing-box'], { text: '{\n  "log": {\n    "output": "/etc/x"\n  }\n}' }, scope);
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
