import assert from 'node:assert/strict';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { type LoadedSettings, loadSettings, printConfig } from '../../../src/settings/index.ts';
import { home, load, refusal } from './scratch.ts';

const fixture = readFileSync(new URL('../../fixtures/settings/plugins-and-alerts.yaml', import.meta.url), 'utf8');
const key = 'hidden-5-key-of-the-signature';

function loadWithKey(text: string, mode = 0o600): LoadedSettings {
  const cwd = home({ 'c.yaml': text, 'hook.key': `${key}\n` });
  chmodSync(join(cwd, 'hook.key'), mode);
  return loadSettings({ configPath: join(cwd, 'c.yaml'), env: {}, cwd });
}

test('plugins that are run: their probes and ladders, with the defaults', () => {
  const { plugins, processes } = loadWithKey(fixture).settings;
  assert.deepEqual(Object.keys(processes.units), ['dns']);
  assert.deepEqual(Object.keys(plugins.units), ['geo-updater', 'web', 'tcp', 'grpc']);
  assert.deepEqual(plugins.limits, { plugins: 50, labels: 0 });
  const { 'geo-updater': geo, web, tcp, grpc } = plugins.units;
  assert.equal(geo?.onAgentExit, 'stop');
  assert.deepEqual(geo?.dependsOn, ['dns']);
  assert.deepEqual(geo?.readiness, {
    action: { kind: 'exec', command: ['/usr/local/bin/geo-updater', '--ping'] },
    initialDelayMs: 0,
    periodMs: undefined,
    timeoutMs: undefined,
    successThreshold: 1,
    failureThreshold: undefined,
  });
  assert.deepEqual(geo?.recovery, {
    steps: ['restart', 'push_config', 'rollback_config', 'disable'],
    budget: 5,
    windowMs: 600_000,
    backoffMs: 1000,
  });
  assert.deepEqual(web?.readiness, {
    action: {
      kind: 'http',
      url: 'http://127.0.0.1:9000/healthz?a=b',
      method: 'GET',
      headers: { Authorization: 'Bearer hidden-3', 'X-Plain': '5' },
      statuses: [
        { from: 204, to: 204 },
        { from: 300, to: 399 },
      ],
    },
    initialDelayMs: 1000,
    periodMs: 200,
    timeoutMs: 100,
    successThreshold: 2,
    failureThreshold: 7,
  });
  assert.deepEqual(web?.recovery, { steps: ['rerun'], budget: 2, windowMs: 60_000, backoffMs: 0 });
  assert.deepEqual(tcp?.readiness?.action, { kind: 'tcp', host: '::1', port: 80 });
  assert.deepEqual(grpc?.readiness?.action, { kind: 'grpc', host: 'localhost', port: 65_535, service: 'a.B' });
  assert.equal(tcp?.recovery, undefined);
});

test('a plugin without a probe has none, and a probe of HTTP takes 200 to 399', () => {
  const { units } = load('plugins: {units: {a: {command: [x]}, b: {command: [x], probes: {readiness: {http: {url: "http://h"}}}}}}')
    .settings.plugins;
  assert.equal(units['a']?.readiness, undefined);
  assert.deepEqual(units['b']?.readiness?.action, {
    kind: 'http',
    url: 'http://h',
    method: 'GET',
    headers: {},
    statuses: [{ from: 200, to: 399 }],
  });
});

test('rules and webhooks, with the defaults', () => {
  const { alerts } = loadWithKey(fixture).settings;
  const rule = (severity: string, summary = ''): object => ({ severity, summary, runbookUrl: undefined });
  const event = { kind: 'event', count: 1, windowMs: 300_000 };
  assert.deepEqual(alerts.rules, [
    {
      ...rule('WARNING', 'Fetching fails'),
      ...event,
      name: 'fetch-errors',
      filter: { types: ['plugin.error'], sources: ['url_base64'] },
      count: 3,
    },
    {
      ...rule('WARNING'),
      kind: 'metric',
      name: 'memory',
      metric: 'sboxagent_process_resident_memory_bytes',
      labels: { process: 'edge' },
      comparison: 'above',
      threshold: 512 * 1024 * 1024,
      forMs: 60_000,
    },
    { ...rule('WARNING'), ...event, name: 'anything', filter: {} },
    {
      ...rule('CRITICAL'),
      ...event,
      name: 'worst',
      filter: { subjects: ['a'], minSeverity: 'ERROR', traceId: '0123456789abcdef0123456789abcdef', text: 'sbox' },
    },
    { ...rule('WARNING'), kind: 'metric', name: 'slow', metric: 'up', labels: {}, comparison: 'below', threshold: 1.5, forMs: 0 },
    { ...rule('WARNING'), kind: 'metric', name: 'low', metric: 'up', labels: {}, comparison: 'below', threshold: -0.5, forMs: 0 },
  ]);
  assert.deepEqual(alerts.webhooks, [
    { name: 'ops', url: 'https://me:hidden-4@example.org/hook', format: 'json', secret: key, minSeverity: 'ERROR', timeoutMs: 1000 },
    { name: 'am', url: 'http://127.0.0.1:9093', format: 'alertmanager', secret: undefined, minSeverity: 'WARNING', timeoutMs: 5000 },
  ]);
});

test('runbooks: where the pages are, and a page of a rule', () => {
  assert.equal(load('').settings.alerts.runbooks, 'file:///usr/share/doc/sboxagent/docs/runbooks');
  const { alerts } = load(
    'alerts: {runbooks: "https://e.org/books", rules: [{name: a, event: {}, runbook_url: "https://e.org/a"}]}',
  ).settings;
  assert.deepEqual([alerts.runbooks, alerts.rules[0]?.runbookUrl], ['https://e.org/books', 'https://e.org/a']);
  assert.throws(() => load('alerts: {runbooks: "javascript:alert(1)"}'), /alerts\.runbooks.*a URL as in/);
});

test('the doors of sboxmgr', () => {
  const { sboxmgr } = loadWithKey(fixture).settings;
  assert.deepEqual(sboxmgr, {
    socket: { enabled: true, path: '/tmp/other.sock', mode: 0o660, group: 'sboxagent' },
    schedule: {
      enabled: true,
      command: ['sboxctl', 'export'],
      intervalMs: undefined,
      cron: '*/30 * * * *',
      timeoutMs: 60_000,
      jitterMs: 5000,
      runAtStart: false,
    },
  });
  const byDefault = load('').settings.sboxmgr;
  assert.deepEqual(byDefault.socket, { enabled: true, path: '/tmp/sboxagent.sock', mode: 0o600, group: undefined });
  assert.deepEqual(byDefault.schedule, {
    enabled: false,
    command: [],
    intervalMs: undefined,
    cron: undefined,
    timeoutMs: 300_000,
    jitterMs: 0,
    runAtStart: true,
  });
});

test('what is printed of them loads again to the same and tells no secret', () => {
  const first = loadWithKey(fixture);
  const printed = printConfig(first);
  assert.doesNotMatch(printed, /hidden/);
  assert.deepEqual(parse(printed), first.document);
  const second = loadWithKey(printed.replaceAll(/secret_file: .*/g, 'secret_file: hook.key'));
  const files = (text: string): string => text.replaceAll(/\/\S*\/h-[^/]+/g, 'HOME');
  assert.equal(files(printConfig(second)), files(printed).replaceAll(/ +(DB_PASSWORD|Authorization): .*\n/g, ''));
  assert.deepEqual(second.settings.alerts.rules, first.settings.alerts.rules);
  assert.deepEqual(second.settings.sboxmgr, first.settings.sboxmgr);
  const { web, ...others } = second.settings.plugins.units;
  const { web: firstWeb, ...firstOthers } = first.settings.plugins.units;
  assert.deepEqual(others, firstOthers);
  // What is not told is not said.
  assert.deepEqual(web?.env, { PLAIN: 'http://***@host' });
  assert.deepEqual(web?.readiness?.action.kind === 'http' && web.readiness.action.headers, { 'X-Plain': '5' });
  assert.equal(web?.readiness?.periodMs, firstWeb?.readiness?.periodMs);
});

test('a secret that others may read is refused, and so is one that is not there, or empty', () => {
  const hook = (file: string): string => `alerts:\n  webhooks:\n    - name: a\n      url: http://h\n      secret_file: ${file}\n`;
  for (const mode of [0o640, 0o604]) {
    assert.match(
      refusal(() => loadWithKey(hook('hook.key'), mode)),
      /^c\.yaml:5: alerts\.webhooks\[0\]\.secret_file: hook\.key is open to others \(mode 06\d\d\); run chmod 600 /,
    );
  }
  assert.match(
    refusal(() => loadWithKey(hook('none.key'))),
    /^c\.yaml:5: alerts\.webhooks\[0\]\.secret_file: none\.key is not there/,
  );
  assert.match(
    refusal(() => loadWithKey(hook('c.yaml').replace('c.yaml', '/dev/null'))),
    /not a regular file|open to others/,
  );
});

const plugin = (...lines: readonly string[]): string =>
  `plugins:\n  units:\n    p:\n      command: [x]\n${lines.map((line) => `      ${line}\n`).join('')}`;
const probe = (text: string): string => plugin(`probes: {readiness: {${text}}}`);
const rule = (text: string): string => `alerts:\n  rules:\n    - {${text}}\n`;
const hook = (text: string): string => `alerts:\n  webhooks:\n    - {${text}}\n`;
const schedule = (text: string): string => `sboxmgr:\n  schedule: {enabled: true, ${text}}\n`;

/** What is refused -> the whole line, or what it matches. */
const cases: readonly (readonly [string, string, string | RegExp])[] = [
  [
    'two kinds',
    probe('tcp: {address: "a:1"}, exec: {command: [x]}'),
    /^c\.yaml:5: plugins\.units\.p\.probes\.readiness: not exactly one of exec, http, tcp and grpc/,
  ],
  ['no kind', probe('period: 1s'), /^c\.yaml:5: plugins\.units\.p\.probes\.readiness: not exactly one/],
  ['a program of no name', probe('exec: {command: []}'), /readiness\.exec\.command: the program has no name/],
  ['a method without a URL', probe('http: {method: GET}'), /readiness\.http\.url: not given; a probe needs it/],
  ['a service beside', probe('tcp: {address: "a:1"}, grpc: {service: x}'), /readiness/],
  ['address', probe('tcp: {address: localhost}'), /tcp\.address: "localhost" is not an address as in 127\.0\.0\.1:9000/],
  ['port', probe('tcp: {address: "localhost:70000"}'), /tcp\.address: 70000 is no port/],
  ['url', probe('http: {url: "ftp://h"}'), /http\.url: "ftp:\/\/h" is not a URL/],
  ['no url at all', probe('http: {url: "http://"}'), /http\.url: "http:\/\/" is not a URL/],
  ['status', probe('http: {url: "http://h", status: [399-200]}'), /http\.status: "399-200" is not a status or a range/],
  ['status of no HTTP', probe('http: {url: "http://h", status: [600]}'), /"600" is not a status/],
  ['no statuses', probe('http: {url: "http://h", status: []}'), /is not a list of statuses/],
  ['header', probe('http: {url: "http://h", headers: {"a b": c}}'), /"a b" is not a name of a header/],
  [
    'header of two lines',
    probe('http: {url: "http://h", headers: {a: "hidden\\nb: c"}}'),
    /what stands under "a" is not a value of a header/,
  ],
  ['period', probe('tcp: {address: "a:1"}, period: 1ms'), /period: "1ms" is out of range/],
  ['threshold', probe('tcp: {address: "a:1"}, failure_threshold: 0'), /failure_threshold: 0 is out of range/],
  ['unknown', probe('tpc: {address: "a:1"}'), /^c\.yaml:5: plugins\.units\.p\.probes\.readiness\.tpc: unknown key; did you mean tcp\?/],
  ...['log: {pattern: x}', 'engine: {}', 'proxy: {url: "http://h"}'].map(
    (text) => [text, probe(text), /^c\.yaml:5: plugins\.units\.p\.probes\.readiness\.\w+: unknown key/] as const,
  ),
  ['engine of a command', plugin('probes: {liveness: {engine: {}}}'), /probes\.liveness: a command has no engine/],
  [
    'step',
    plugin('recovery: {steps: [restart, reboot]}'),
    /^c\.yaml:5: plugins\.units\.p\.recovery\.steps: "reboot" is not one of restart, rerun/,
  ],
  ['no steps', plugin('recovery: {steps: []}'), /recovery\.steps: no steps/],
  ['a budget alone', plugin('recovery: {budget: 5}'), /recovery\.steps: not given/],
  [
    'the id of a process',
    `processes: {units: {p: {command: [x]}}}\n${plugin()}`,
    'c.yaml:4: plugins.units.p: processes.units.p has this id too; choose another one',
  ],
  [
    'the id of a process, written later',
    `${plugin()}processes: {units: {p: {command: [x]}}}`,
    /^c\.yaml:3: plugins\.units\.p: processes\.units\.p has this id too/,
  ],
  [
    'a circle over both',
    `processes: {units: {q: {command: [x], depends_on: [p]}}}\n${plugin('depends_on: [q]')}`,
    /a circle: (q -> p -> q|p -> q -> p)/,
  ],
  ['no plugin', plugin().replace('command: [x]', 'autostart: true'), /plugins\.units\.p: neither engine nor command/],
  ['limits', 'plugins: {limits: {plugins: 0}}', /plugins\.limits\.plugins: 0 is out of range; give a whole number from 1 to 10000/],
  ['too many labels', 'plugins: {limits: {labels: 1001}}', /plugins\.limits\.labels: 1001 is out of range/],
  ['rule without a name', rule('event: {}'), 'c.yaml:3: alerts.rules[0].name: not given; every one needs a name'],
  ['name', rule('name: A B, event: {}'), /^c\.yaml:3: alerts\.rules\[0\]\.name: "A B" is not a name/],
  [
    'event and metric',
    rule('name: a, event: {}, metric: up, above: 1'),
    'c.yaml:3: alerts.rules[0]: both event and metric; give exactly one of the two',
  ],
  ['neither', rule('name: a'), /alerts\.rules\[0\]: neither event nor metric/],
  ['no threshold', rule('name: a, metric: up'), /neither above nor below/],
  ['two thresholds', rule('name: a, metric: up, above: 1, below: 2'), /both above and below/],
  [
    'threshold of no kind',
    rule('name: a, metric: up, above: many'),
    /above: "many" is not a number, a size such as 512MiB, or a duration such as 5s/,
  ],
  ['not a number', rule('name: a, metric: up, above: .nan'), /is not a number/],
  ['count of a metric', rule('name: a, metric: up, above: 1, count: 5'), /alerts\.rules\[0\]\.count: belongs to a rule of an event/],
  ['for of an event', rule('name: a, event: {}, for: 5s'), /alerts\.rules\[0\]\.for: belongs to a rule of a metric/],
  ['count', rule('name: a, event: {}, count: 0'), /count: 0 is out of range; give a whole number from 1 to 1000000/],
  ['severity', rule('name: a, event: {min_severity: warning}'), /min_severity: "warning" is not one of DEBUG/],
  ['summary', rule(`name: a, event: {}, summary: ${'x'.repeat(1025)}`), /summary: .* is not a text of at most 1024/],
  ['glob', rule('name: a, event: {types: [a b]}'), /"a b" is not a glob/],
  ['trace', rule('name: a, event: {trace_id: xyz}'), /trace_id: "xyz" is not a trace id/],
  [
    'unknown key of a rule',
    rule('name: a, event: {typs: []}'),
    /^c\.yaml:3: alerts\.rules\[0\]\.event\.typs: unknown key; did you mean types\?/,
  ],
  ['label', rule('name: a, metric: up, above: 1, labels: {a-b: c}'), /"a-b" is not a name of a label/],
  ['a rule that is a text', 'alerts:\n  rules:\n    - one\n', 'c.yaml:3: alerts.rules[0]: not a mapping of keys; write - name: ...'],
  ['rules that are none', 'alerts: {rules: 5}', /alerts\.rules: 5 is not a list of mappings/],
  ['rules that are a mapping', 'alerts: {rules: {a: 1}}', /alerts\.rules: .* is not a list of mappings/],
  [
    'two of a name',
    'alerts:\n  rules:\n    - {name: a, event: {}}\n    - {name: a, event: {}}\n',
    'c.yaml:4: alerts.rules[1].name: alerts.rules[0] has this name too; choose another one',
  ],
  [
    'a second key',
    'alerts:\n  rules:\n    - name: a\n      name: b\n',
    /^c\.yaml:4: alerts\.rules\[0\]\.name: given twice, first in line 3/,
  ],
  [
    'too many rules',
    `alerts: {rules: [${Array.from({ length: 201 }, (_, i) => `{name: r${i}, event: {}}`).join(', ')}]}`,
    /alerts\.rules: more than 200; give fewer/,
  ],
  [
    'too many webhooks',
    `alerts: {webhooks: [${Array.from({ length: 33 }, (_, i) => `{name: r${i}, url: "http://h"}`).join(', ')}]}`,
    /alerts\.webhooks: more than 32/,
  ],
  ['webhook without a URL', hook('name: a'), 'c.yaml:3: alerts.webhooks[0].url: not given; name where alerts are posted'],
  ['a URL with a secret', hook('name: a, url: "ftp://me:hidden@h"'), /url: "ftp:\/\/\*\*\*@h" is not a URL/],
  ['format', hook('name: a, url: "http://h", format: xml'), /format: "xml" is not one of json, alertmanager/],
  ['schedule of nothing', schedule('interval: 5m'), /^c\.yaml:2: sboxmgr\.schedule\.command: no program/],
  ['no time', schedule('command: [x]'), /^c\.yaml:2: sboxmgr\.schedule: neither interval nor cron/],
  ['two times', schedule('command: [x], interval: 5m, cron: "* * * * *"'), /sboxmgr\.schedule: both interval and cron/],
  ['cron', schedule('command: [x], cron: "* * *"'), /^c\.yaml:2: sboxmgr\.schedule\.cron: \* \* \* is no cron line of 5 or 6 fields/],
  [
    'cron value',
    schedule('command: [x], cron: "60 * * * *"'),
    /^c\.yaml:2: sboxmgr\.schedule\.cron: 60 .* is no cron line: .*60; correct it/,
  ],
  ['cron letter', schedule('command: [x], cron: "H * * * *"'), /^c\.yaml:2: sboxmgr\.schedule\.cron: H .* is no cron line/],
  [
    'cron never',
    schedule('command: [x], cron: "0 0 31 2 *"'),
    /^c\.yaml:2: sboxmgr\.schedule\.cron: the cron line 0 0 31 2 \* never comes/,
  ],
  ['cron at boot', schedule('command: [x], cron: "@reboot"'), /@reboot is no cron line/],
  ['cron once', schedule('command: [x], cron: "2099-01-01T00:00:00"'), /is no cron line/],
  ['socket', `sboxmgr: {socket: {path: /${'x'.repeat(107)}}}`, /sboxmgr\.socket\.path: .* longer than the 107 bytes/],
  [
    'one socket for two',
    'api: {unix_socket: {path: /tmp/a}}\nsboxmgr: {socket: {path: /tmp/a}}',
    /^c\.yaml:2: sboxmgr\.socket\.path: this is api\.unix_socket\.path too/,
  ],
];
for (const [name, text, want] of cases) {
  test(`refused: ${name}`, () => {
    const line = refusal(() => load(text));
    if (typeof want === 'string') assert.equal(line, want);
    else assert.match(line, want);
    assert.ok(!line.includes('hidden'));
  });
}

test('the environment reaches the units of plugins', () => {
  const env = { SBOXAGENT_PLUGINS_UNITS_P_AUTOSTART: 'true', SBOXAGENT_PLUGINS_UNITS_P_PROBES_READINESS_PERIOD: '5s' };
  const { units } = load(probe('tcp: {address: "a:1"}'), env).settings.plugins;
  assert.equal(units['p']?.autostart, true);
  assert.equal(units['p']?.readiness?.periodMs, 5000);
});

test('what is not enabled needs nothing more', () => {
  assert.equal(load('sboxmgr: {schedule: {enabled: false, interval: 30m}}').settings.sboxmgr.schedule.intervalMs, 1_800_000);
  assert.equal(load(`sboxmgr: {socket: {enabled: false, path: /${'x'.repeat(107)}}}`).settings.sboxmgr.socket.enabled, false);
});
