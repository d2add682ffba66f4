/** deploy/prometheus, the runbooks and the built-in alerts say the same. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { builtInRules } from '../../src/app/built-in-rules.ts';
import { type CommandSpec, commonFlags } from '../../src/cli/command-spec.ts';
import { commands } from '../../src/cli/command-table.ts';
import { metricCatalogue } from '../../src/telemetry/index.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
/** Where deploy/deb/build puts docs/runbooks. */
const runbooks = 'file:///usr/share/doc/sboxagent/docs/runbooks/';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
const rules = ['recording', 'alerts'].flatMap((name) =>
  (parse(read(`deploy/prometheus/rules/${name}.yml`)) as { groups: readonly { rules: readonly Rule[] }[] }).groups.flatMap(
    (group) => group.rules,
  ),
);
const alerts = rules.filter((rule) => rule.alert !== undefined);
const pages = readdirSync(join(root, 'docs/runbooks')).map((name) => ({ name, text: read(`docs/runbooks/${name}`) }));

test('every alert, also a built-in one, has one runbook, whose title names it; no runbook is about nothing', () => {
  const wanted = new Map<string, string>();
  for (const { alert = '', annotations = {} } of alerts) {
    const url = annotations['runbook_url'] ?? '';
    assert.ok(url.startsWith(runbooks), `${alert}: ${url}`);
    wanted.set(alert, url.slice(runbooks.length));
  }
  for (const { name } of builtInRules({ journal: {} } as Parameters<typeof builtInRules>[0])) wanted.set(name, `${name}.md`);
  const titled = pages.flatMap(({ name, text }) => (/^# (.+)$/m.exec(text)?.[1] ?? '').split(', ').map((alert) => [alert, name]));
  assert.deepEqual(titled.toSorted(), [...wanted].toSorted());
  for (const { name, text } of pages)
    assert.match(text, /^# .*\n\n[\s\S]+\n## Look\n\n```sh\n[\s\S]+\n## Do\n\n[\s\S]+\n## When to worry\n\n\S/, name);
});

test('every alert says how bad it is, what, where and more', () => {
  for (const { alert, labels = {}, annotations = {} } of alerts) {
    assert.match(labels['severity'] ?? '', /^(critical|warning|info)$/, alert);
    assert.match(annotations['summary'] ?? '', /\$labels\.instance/, alert);
    assert.ok((annotations['description'] ?? '').length > 10, alert);
  }
});

test('the links of runbooks lead to runbooks', () => {
  const names = new Set(pages.map(({ name }) => name));
  for (const { name, text } of pages)
    for (const [, link = ''] of text.matchAll(/\]\(([^)]+)\)/g)) assert.ok(names.has(link), `${name}: ${link}`);
});

/** What is wrong with a command line of ours: a command or a flag that there is not. */
function wrongWith(line: string): string | undefined {
  const words = (line.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).slice(1);
  let spec: CommandSpec | undefined;
  let specs: readonly CommandSpec[] | undefined = commands;
  for (; specs !== undefined; specs = spec?.subcommands) {
    const word = words.shift();
    spec = specs.find(({ name }) => name === word);
    if (spec === undefined) return `there is no command ${word}`;
  }
  const flags = [...(spec?.flags ?? []), ...commonFlags].flatMap((flag) => flag.flags.split(/[ ,]+/));
  return words.find((word) => /^--?[a-z]/.test(word) && !flags.includes(word));
}

test('the commands of runbooks are there, with their flags', () => {
  assert.equal(wrongWith('sboxagent logs x --no-such'), '--no-such');
  assert.match(wrongWith('sboxagent plugins dance x') ?? '', /dance/);
  let seen = 0;
  for (const { name, text } of pages) {
    const inline = [...text.matchAll(/`(sboxagent [^`]+)`/g)].map((match) => match[1] ?? '');
    const blocks = [...text.matchAll(/^sboxagent .*$/gm)].map(([line]) => line);
    for (const line of [...inline, ...blocks]) {
      seen += 1;
      assert.equal(wrongWith(line.replace(/\s*\|.*$/, '')), undefined, `${name}: ${line}`);
    }
  }
  assert.ok(seen > 80);
});

/** Values of labels that are no free text. */
const states = ['STOPPED', 'STARTING', 'RUNNING', 'READY', 'BACKOFF', 'STOPPING', 'EXITED', 'CRASH_LOOP'];
const builtIn = builtInRules({ journal: {} } as Parameters<typeof builtInRules>[0]).map(({ name }) => name);
function valuesOf(metric: string, label: string): readonly string[] | undefined {
  if (label === 'state') return metric === 'sboxagent_fleet_agents' ? ['UP', 'LEFT', 'GONE'] : states;
  if (label === 'rule') return builtIn;
  const declared = metricCatalogue[metric]?.declared?.flatMap((labels) => labels[label] ?? []);
  return declared === undefined || declared.length === 0 ? undefined : declared;
}

test('rules ask for metrics that there are, by labels and values that there are', () => {
  const recorded = new Set(rules.flatMap(({ record }) => record ?? []));
  for (const { expr } of rules) {
    let found = 0;
    for (const [, name = '', matchers = ''] of expr.matchAll(
      /\b((?:\w+:\w+:\w+)|(?:sboxagent_\w+)|(?:rpc_server_\w+)|up)\b(?:\{([^}]*)\})?/g,
    )) {
      found += 1;
      const metric = name.replace(/_(bucket|count|sum)$/, '');
      const entry = metricCatalogue[metric];
      assert.ok(recorded.has(name) || entry !== undefined || name === 'up', `${name} in ${expr}`);
      for (const [, label = '', how = '', value = ''] of matchers.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)) {
        assert.ok(['job', 'instance'].includes(label) || entry?.labels.includes(label), `${label} of ${name}`);
        const values = valuesOf(metric, label);
        if (values === undefined) continue;
        const asked = how.includes('~') ? value.split('|') : [value];
        for (const one of asked) assert.ok(values.includes(one), `${name}{${label}="${one}"}`);
      }
    }
    assert.ok(found > 0, expr);
  }
});

test('every alert has a test in which it fires', () => {
  const tried = read('deploy/prometheus/tests/alerts.yml');
  for (const { alert } of alerts) assert.ok(tried.includes(`alertname="${alert}"`), alert);
  for (const { record = '' } of rules)
    assert.ok(record === '' || `${read('deploy/prometheus/tests/recording.yml')}`.includes(record), record);
});
