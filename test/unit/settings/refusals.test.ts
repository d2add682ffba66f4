import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSettings } from '../../../src/settings/index.ts';
import { startCpuTime } from '../../helpers/cpu-time.ts';
import { type Env, home, load, refusal } from './scratch.ts';

const api = (...lines: readonly string[]): string => `agent:\n  name: x\napi:\n${lines.map((line) => `  ${line}\n`).join('')}`;
const units = (...lines: readonly string[]): string => `processes:\n  units:\n${lines.map((line) => `    ${line}\n`).join('')}`;

/** What is refused -> the whole line, or what it matches. */
const cases: readonly (readonly [string, string, string | RegExp])[] = [
  // Keys
  ['unknown key', api('host: 127.0.0.1', 'prot: 8080'), 'c.yaml:5: api.prot: unknown key; did you mean port?'],
  ['unknown top-level key', 'apo:\n  port: 1\n', 'c.yaml:1: apo: unknown key; did you mean api?'],
  ['a key that is nowhere near', 'api: {zzzzzz: 1}', /^c\.yaml:1: api\.zzzzzz: unknown key; see docs/],
  ['names of JavaScript', 'constructor: {}', /constructor: unknown key/],
  ['__proto__', 'api: {__proto__: {port: 1}}', /api\.__proto__: unknown key/],
  ['given twice', api('host: 127.0.0.1', 'host: localhost'), 'c.yaml:5: api.host: given twice, first in line 4; keep one'],
  ['alias beside its key', api('websocket: {}', 'streams: {}'), /c\.yaml:5: api\.streams: given twice under two names, first in line 4/],
  ['group given a value', 'api: 5', /^c\.yaml:1: api: not a mapping of keys/],
  ['value given a group', 'api: {port: {a: 1}}', /api\.port: .*not a whole number/],
  ['not a mapping at all', '- 1\n', /^c\.yaml:1: the document is not a mapping/],
  ['a mapping as a key', '{a: b}: c\n', /^c\.yaml:1: a key that is no text/],
  ['a key with a line break', 'api: {"po\\nrt": 1}', /^c\.yaml:1: api\.po rt: unknown key/],
  // Values
  ['wrong type', api('port: eighty'), 'c.yaml:4: api.port: "eighty" is not a whole number from 0 to 65535'],
  ['a number in quotes', api("port: '80'"), /not a whole number/],
  ['port out of range', api('port: 70000'), /^c\.yaml:4: api\.port: 70000 is out of range; give a whole number from 0 to 65535$/],
  ['a fraction', api('port: 80.5'), /not a whole number/],
  ['not a number', api('port: .nan'), /not a whole number/],
  ['negative count', api('streams:', '  max_connections: -4'), /^c\.yaml:5: api\.streams\.max_connections: -4 is out of range/],
  ['bad duration', api('streams:', '  ping_interval: 5 parsecs'), /ping_interval: "5 parsecs" is not a duration; write it like 500ms, 30s/],
  ['duration without a unit', api('limits: {idle_timeout: 5}'), /is not a duration/],
  ['duration beyond timers', api('limits: {idle_timeout: 25d}'), /out of range; 1s to 24d/],
  ['duration below', api('limits: {idle_timeout: 999ms}'), /out of range; 1s to 24d/],
  ['bad size', api('limits: {message_bytes: lots}'), /message_bytes: "lots" is not a size; write it like 64KiB/],
  ['size out of range', api('limits: {message_bytes: 1TiB}'), /out of range; 1KiB to 64MiB/],
  ['yes is a text', api('enabled: yes'), /"yes" is neither true nor false/],
  ['choice', 'agent: {log_level: loud}', /"loud" is not one of trace, debug/],
  ['mode', api('unix_socket: {mode: 0999}'), /not a file mode; write it like '0660'/],
  ['a name that is a number', 'agent: {name: 5}', /5 is not a text; write it in quotes/],
  ['list', api('allowed_hosts: a.example'), /not a list of texts/],
  ['list of lists', api('allowed_hosts: [[a]]'), /is not a text/],
  ['host with a scheme', api('allowed_hosts: ["http://a"]'), /is not a host name/],
  ['origin with a path', api('security: {cors: {allowed_origins: ["http://a/"]}}'), /is not an exact origin/],
  ['relative binary', 'processes: {inline: {allowed_binaries: [bin/x]}}', /"bin\/x" is not an absolute path/],
  ['endpoint', 'api: {metrics: {prometheus_endpoint: metrics}}', /is not a path as in \/metrics/],
  ['otlp', 'telemetry: {otlp_endpoint: localhost:4318}', /is not a base URL/],
  ['ratio', 'telemetry: {sample_ratio: 1.1}', /out of range; give a number from 0 to 1/],
  ['a long value is cut', `agent: {log_level: ${'x'.repeat(5000)}}`, /^.{0,250}$/],
  [
    'plugins are validated',
    'plugins:\n  health_check: {retires: 3}',
    /^c\.yaml:2: plugins\.health_check\.retires: unknown key; did you mean retries\?/,
  ],
  // YAML
  ['broken YAML', 'api:\n  port: [1, 2\n  host: x\n', /^c\.yaml:\d+: not valid YAML: .*; correct it$/],
  ['tab', 'api:\n\tport: 1\n', /^c\.yaml:2: not valid YAML/],
  ['two documents', 'api: {}\n---\napi: {}\n', /not valid YAML/],
  ['unknown tag', 'agent: {name: !foo x}', /not valid YAML/],
  ['alias of nothing', 'api: *none', /^c\.yaml:1: /],
  ['alias of itself', 'api: &a {tls: *a}', /^c\.yaml:1: .*aliases, or one of itself/],
  ['alias bomb', `api: {security: [${'&a [x],'.repeat(1)}${'*a,'.repeat(200)}]}`, /aliases/],
  ['too large', `# ${'x'.repeat(1024 * 1024)}`, /larger than 512 KiB/],
  // Probes and limits
  ...(
    [
      ['probes: {readiness: {engine: {}, period: 1s}}', /probes\.readiness: a command has no engine; choose another kind$/],
      ['probes: {startup: {proxy: {url: "http://h"}}}', /probes\.startup: a command has no inbound of its own; give proxy\.via$/],
      [
        'probes: {liveness: {tcp: {address: "a:1"}, exec: {command: [x]}}}',
        /not exactly one of exec, http, tcp, grpc, log, engine and proxy/,
      ],
      ['probes: {liveness: {period: 1s}}', /probes\.liveness: not exactly one of/],
      ['probes: {startup: {}}', /probes\.startup: empty; say how it looks/],
      ['probes: {liveness: {tcp: {address: "a:1"}, success_threshold: 2}}', /success_threshold: 2 is out of range/],
      ['probes: {startup: {log: {pattern: "("}}}', /log\.pattern: "\(" is not a regular expression/],
      [
        'apply: {probe: {log: {pattern: "ok"}}}',
        /apply\.probe\.log: a line that was written once says nothing of the traffic now; choose another/,
      ],
      ['probes: {startup: {engine: {a: 1}}}', /startup\.engine: .* is not empty; write \{\}$/],
      ['probes: {startup: {proxy: {url: "http://h", via: "ftp://x:1"}}}', /proxy\.via: .* is not a proxy as in/],
      ['limits: {nofile: 10:5}', /limits\.nofile: "10:5": the soft limit is above the hard one/],
      ['limits: {nofile: many}', /limits\.nofile: "many" is not a limit/],
      ['limits: {memory: 1}', /limits\.memory: 1 is out of range/],
      ['limits: {files: 1}', /limits\.files: unknown key/],
      ['capabilities: [net_admin]', /capabilities: "net_admin" is not a capability as in/],
      ['user: "a b"', /user: "a b" is not the name or number of a user/],
      ['apply: {allowed_dirs: [x]}', /allowed_dirs: "x" is not an absolute path/],
      ['apply: {policy: none}', /policy: "none" is not one of enforce, warn/],
    ] as const
  ).map(([line, want]) => [line, units('u:', '  command: [a]', `  ${line}`), want] as const),
  [
    'other engines',
    units('u: {engine: v2ray, config_path: /x}'),
    /^c\.yaml:3: processes\.units\.u\.engine: "v2ray" is not one of sing-box, xray, mihomo, hysteria$/,
  ],
  // Units
  [
    'unknown key of a unit',
    units('u1:', '  command: [a]', '  autosatrt: true'),
    'c.yaml:5: processes.units.u1.autosatrt: unknown key; did you mean autostart?',
  ],
  ['unknown key in a group', units('u1: {command: [a], restart: {polcy: no}}'), /u1\.restart\.polcy: unknown key; did you mean policy\?/],
  ['group of a unit', units('u1: {command: [a], restart: 5}'), /u1\.restart: not a mapping of keys/],
  [
    'engine and command',
    units('u1:', '  engine: sing-box', '  command: [a]'),
    'c.yaml:3: processes.units.u1: both engine and command; give exactly one of the two',
  ],
  ['neither', units('u1:', '  autostart: true'), 'c.yaml:3: processes.units.u1: neither engine nor command; give exactly one of the two'],
  ['engine without config', units('u1: {engine: sing-box}'), /without config_path/],
  ['id', units('U1: {command: [a]}'), /processes\.units\.U1: not an id/],
  ['id of a log', units('agent: {command: [a]}'), /processes\.units\.agent: the agent's own log has this name/],
  ['unit without keys', units('u1:'), /processes\.units\.u1: not a mapping of keys; give engine or command/],
  ['variable name', units('u1: {command: [a], env: {A-B: c}}'), /"A-B" is not a name of an environment variable/],
  ['variable list', units('u1: {command: [a], env: [A]}'), /env: .*not a mapping of names to texts/],
  ['restart', units('u1: {command: [a], restart: {factor: 0.5}}'), /restart\.factor: 0\.5 is out of range/],
  ['signal', units('u1: {command: [a], stop: {signal: TERM}}'), /"TERM" is not one of SIGTERM/],
  [
    'unknown dependency',
    units('dns: {command: [a]}', 'u1:', '  command: [a]', '  depends_on: [dsn]'),
    'c.yaml:6: processes.units.u1.depends_on: there is no unit "dsn"; did you mean dns?',
  ],
  ['itself', units('a: {command: [a], depends_on: [a]}'), /a circle: a -> a;/],
  [
    'a circle',
    units('a: {command: [a], depends_on: [b]}', 'b: {command: [a], depends_on: [c]}', 'c: {command: [a], depends_on: [b]}'),
    /^c\.yaml:5: processes\.units\.c\.depends_on: a circle: b -> c -> b;/,
  ],
  // Security
  [
    'short token',
    api('security: {auth_token: only-twenty-char-tok}'),
    /^c\.yaml:4: api\.security\.auth_token: 20 characters are too few; use at least 32/,
  ],
  ['sample token', api('security: {auth_token: your-secure-token}'), /auth_token: this is a sample/],
  ['longer sample', api('security: {auth_token: your-secure-token-0123456789-0123456789}'), /auth_token: this is a sample/],
  ['change me', api('security: {auth_token: CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_ME}'), /auth_token: this is a sample/],
  ['one key held down', api(`security: {auth_token: ${'x'.repeat(40)}}`), /auth_token: this is a sample/],
  ['token with a space', api(`security: {auth_token: 'abcdefghijklmnopqrstuvwxyz 0123456789'}`), /no spaces/],
  ['token is no text', api('security: {auth_token: [12345678901234567890]}'), /^(?!.*1234).*auth_token: not a text/],
  ['* with auth', api('security:', '  cors:', "    allowed_origins: ['*']"), /^c\.yaml:6: api\.security\.cors\.allowed_origins: /],
  [
    'open host',
    api('host: 0.0.0.0'),
    'c.yaml:4: api.host: 0.0.0.0 can be reached from other machines, which needs TLS (api.tls); set it, or use 127.0.0.1',
  ],
  ['open host without auth', api('host: "::"', 'security: {auth_enabled: false}'), /api\.host: :: can .*TLS \(api\.tls\) and auth/],
  ['a name that only looks local', api('host: 127.0.0.1.example.org'), /can be reached/],
  ['half of TLS', api('tls: {cert_file: /x}'), /api\.tls: cert_file and key_file go together/],
  ['missing certificate', api('tls: {cert_file: none.pem, key_file: none.pem}'), /api\.tls\.cert_file: none\.pem is not there/],
  ['missing token file', api('security: {auth_token_file: none}'), /auth_token_file: none is not there/],
  ['token and file', api('security: {auth_token_file: x, auth_token: abcdefghijklmnopqrstuvwxyz0123456789}'), /given beside auth_token/],
  ['long socket', api(`unix_socket: {path: /${'x'.repeat(107)}}`), /api\.unix_socket\.path: .* longer than the 107 bytes/],
];

for (const [name, text, want] of cases) {
  test(`refused: ${name}`, () => {
    const line = refusal(() => load(text));
    assert.ok(!line.includes('\n') && line.length < 400, 'one line');
    if (typeof want === 'string') assert.equal(line, want);
    else assert.match(line, want);
  });
}

const environment: readonly (readonly [string, string, RegExp])[] = [
  ['SBOXAGENT_API_PORT', 'abc', /^env SBOXAGENT_API_PORT: api\.port: "abc" is not a whole number from 0 to 65535$/],
  ['SBOXAGENT_API_PRT', '1', /^env SBOXAGENT_API_PRT: no key has this name; did you mean SBOXAGENT_API_PORT\?$/],
  ['SBOXAGENT_TOKEN_FIEL', 'x', /no key has this name; did you mean SBOXAGENT_TOKEN_FILE\?$/],
  ['SBOXAGENT_UNITS_X', '1', /no key has this name/],
  ['SBOXAGENT_API_ENABLED', 'yes', /neither true nor false/],
  ['SBOXAGENT_API_HOST', '0.0.0.0', /^env SBOXAGENT_API_HOST: api\.host: /],
  ['SBOXAGENT_ALERTS_RULES', 'x', /"x" is not a list of mappings; write it in the file/],
  ['SBOXAGENT_PROCESSES_UNITS', '{}', /not a mapping of units/],
  ['SBOXAGENT_PROCESSES_UNITS_NONE_AUTOSTART', 'true', /no key has this name/],
  [
    'SBOXAGENT_PROCESSES_UNITS_A_B_AUTOSTART',
    'true',
    /means processes\.units\.a-b\.autostart and processes\.units\.a\.b\.autostart; say it in the file/,
  ],
  ['SBOXAGENT_PROCESSES_UNITS_A_B_ENV', 'NOVALUE', /"NOVALUE" is not|means/],
];
for (const [name, value, want] of environment) {
  test(`refused: ${name}=${value}`, () => {
    assert.match(
      refusal(() => load(units('a-b: {command: [x]}', 'a.b: {command: [x]}'), { [name]: value })),
      want,
    );
  });
}

test('a key that the environment says under two names is refused, as one that a file says so', () => {
  const env = { SBOXAGENT_API_STREAMS_PING_INTERVAL: '5s', SBOXAGENT_API_WEBSOCKET_PING_INTERVAL: '6s' };
  assert.match(
    refusal(() => load('', env)),
    /^env SBOXAGENT_API_WEBSOCKET_PING_INTERVAL: means api\.streams\.ping_interval, which SBOXAGENT_API_STREAMS_PING_INTERVAL says too; keep one$/,
  );
});

test('files and directories that are not fit are refused, never an exception of another kind', () => {
  const at = (path: string, env: Env = {}): string => refusal(() => loadSettings({ configPath: path, env, cwd: home() }));
  assert.match(at('/no/such/nowhere.yaml'), /nowhere\.yaml: there is no such file; correct --config/);
  assert.match(
    refusal(() => loadSettings({ env: { SBOXAGENT_CONFIG: '/no/such' }, cwd: home() })),
    /correct SBOXAGENT_CONFIG/,
  );
  assert.match(at(home()), /none of .*agent\.yaml.* is in this directory/);
  assert.match(at(home({ 'api.yaml/': '' })), /api\.yaml: not a regular file/);
  for (const mode of [0o620, 0o602, 0o666]) {
    assert.match(at(join(home({ 'x.yaml': '{}' }, mode), 'x.yaml')), /x\.yaml: others may write to it \(mode 06\d\d\).*chmod go-w/);
  }
  const dir = home({ 'api.yaml': '{}' });
  chmodSync(dir, 0o777);
  assert.match(at(dir), /others may write to it/);
  const link = join(home(), 'link.yaml');
  symlinkSync(join(home({ 'x.yaml': '{}' }, 0o666), 'x.yaml'), link);
  assert.match(at(link), /others may write/);
  const fifo = join(home(), 'fifo');
  execFileSync('mkfifo', [fifo]);
  assert.match(at(fifo), /not a regular file/);
  const binary = join(home(), 'b.yaml');
  writeFileSync(binary, Buffer.from([0x61, 0xff, 0xfe]), { mode: 0o600 });
  assert.match(at(binary), /not UTF-8/);
});

test('a top-level key in two files of a directory is refused, an unknown key in the second is named with its file', () => {
  const at = (files: Readonly<Record<string, string>>): string =>
    refusal(() => loadSettings({ configPath: home(files), env: {}, cwd: home() }));
  assert.match(at({ 'agent.yaml': 'api: {port: 1}', 'api.yaml': '\napi: {port: 2}' }), /^api\.yaml:2: api: stands in agent\.yaml too/);
  assert.match(
    at({ 'api.yaml': 'api: {}', 'plugins.yaml': 'plugins:\n  enable: true' }),
    /^plugins\.yaml:2: plugins\.enable: unknown key; did you mean enabled\?/,
  );
});

test('a token file is refused when others may read it', () => {
  for (const [mode, want] of [
    [0o644, /is open to others \(mode 0644\); run chmod 600 /],
    [0o640, /chmod 600/],
    [0o600, /^accepted$/],
  ] as const) {
    const token = join(home({ token: 'abcdefghijklmnopqrstuvwxyz0123456789\n' }, mode), 'token');
    assert.match(
      refusal(() => load(api(`security: {auth_token_file: ${token}}`))),
      want,
    );
  }
  const short = join(home({ token: 'short\n' }), 'token');
  assert.match(
    refusal(() => load(api(`security: {auth_token_file: ${short}}`))),
    /auth_token_file: 5 characters are too few/,
  );
  assert.match(
    refusal(() => load(api(`security: {auth_token_file: ${home()}}`))),
    /not a regular file/,
  );
});

const bombs: readonly (readonly [string, string])[] = [
  ['braces', `api: ${'{'.repeat(1000)}`],
  ['closed braces', `api: ${'{a: '.repeat(300)}${'}'.repeat(300)}`],
  ['brackets', `api: ${'['.repeat(100_000)}`],
  ['explicit keys', '? '.repeat(500)],
  ['sequences', '- '.repeat(5000)],
  ['colons', 'a: '.repeat(5000)],
  ['bare colons', ': '.repeat(5000)],
  ['indentation', Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
  ['indented sequences', Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}-`).join('\n')],
  ['anchors', `api: ${'&a '.repeat(5000)}x`],
  ['tags', `api: ${'!a '.repeat(5000)}x`],
  ['aliases', `a: &a [x]\n${Array.from({ length: 26 }, (_, i) => `b${i}: &b${i} {x: *a, y: *b${i - 1}}`).join('\n')}`],
  ['keys', Array.from({ length: 50_000 }, (_, i) => `k${i}: 1`).join('\n')],
  ['one long key', `${'k'.repeat(1_000_000)}: 1`],
  [
    'units that depend on all before',
    units(
      ...Array.from(
        { length: 200 },
        (_, i) => `u${i}: {command: [x], depends_on: [${Array.from({ length: i }, (_, j) => `u${j}`).join(', ')}], stop: 5}`,
      ),
    ),
  ],
];
for (const [name, text] of bombs) {
  test(`a nest of ${name} is refused at once`, () => {
    const spent = startCpuTime();
    assert.notEqual(
      refusal(() => load(text)),
      'accepted',
    );
    const ms = spent();
    assert.ok(ms < 2000, `${Math.round(ms)} ms`);
  });
}

test('dependencies of many units are judged at once', () => {
  const lines = Array.from(
    { length: 60 },
    (_, i) => `u${i}: {command: [x], depends_on: [${Array.from({ length: i }, (_, j) => `u${j}`).join(', ')}]}`,
  );
  assert.equal(Object.keys(load(units(...lines)).settings.processes.units).length, 60);
});
