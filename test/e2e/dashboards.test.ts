/** A real Prometheus with the shipped rules scrapes a busy agent for a minute, with a token; then every query of every dashboard and rule is asked. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { metricCatalogue } from '../../src/telemetry/index.ts';
import { type BusyAgent, startBusyAgent } from '../helpers/busy-agent.ts';
import { foreign, root, runProgram, until } from '../helpers/daemon.ts';
import { natsServer } from '../helpers/nats-server.ts';
import { type PrometheusServer, startPrometheus } from '../helpers/prometheus-server.ts';

const options = { skip: foreign('prometheus') === undefined && 'there is no prometheus' };
const minute = 60_000;

let agent: BusyAgent;
let prometheus: PrometheusServer;
/** The end of the minute: what looks at the half of one before finds it, however long the questions take. */
let endedMs = 0;
before(
  async () => {
    if (options.skip !== false) return;
    agent = await startBusyAgent();
    prometheus = await startPrometheus(agent.daemon, '3s');
    const end = performance.now() + minute;
    for (let n = 0; performance.now() < end; n++) {
      await agent.round(n);
      await sleep(1000);
    }
    endedMs = Date.now();
  },
  { timeout: 5 * minute },
);
after(async () => {
  await prometheus?.dispose();
  await agent?.dispose();
});

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** What has no answer here, and why. */
const excused = (expr: string): boolean =>
  // Shows only limits that refuse.
  /sboxagent_limit_refused_total.* > 0$/.test(expr) ||
  // The engine that stands in where there is no sing-box carries next to nothing.
  (foreign('sing-box') === undefined && expr.includes('> 1000)')) ||
  // There is a fleet only where there is a NATS server.
  (natsServer === undefined && expr.includes('sboxagent_fleet_'));

/** A dashboard's query as Grafana sends it, for all of each variable. */
function filled(expr: string): string {
  return expr.replaceAll('$__rate_interval', '30s').replaceAll(/\$(instance|process|plugin)\b/g, '.*');
}

test('for a minute every scrape succeeded, with a token', options, async () => {
  const { activeTargets } = (await prometheus.get('targets')) as {
    activeTargets: readonly { health: string; lastError: string; scrapeUrl: string }[];
  };
  assert.deepEqual(
    activeTargets.map(({ health, lastError }) => [health, lastError]),
    [['up', '']],
  );
  const [scrapes, worst] = [
    await prometheus.query('count_over_time(up{job="sboxagent"}[5m])'),
    await prometheus.query('min_over_time(up{job="sboxagent"}[5m])'),
  ];
  assert.ok((scrapes[0]?.value ?? 0) >= 12, `${scrapes[0]?.value} scrapes`);
  assert.equal(worst[0]?.value, 1);
  const anonymous = await fetch(`${agent.daemon.base}/metrics`);
  assert.equal(anonymous.status, 401);
});

test('every metric of the catalogue is there', options, async () => {
  const missing: string[] = [];
  for (const [name, { kind }] of Object.entries(metricCatalogue)) {
    const found = await prometheus.query(`count(${kind === 'histogram' ? `${name}_count` : name}{job="sboxagent"})`);
    if ((found[0]?.value ?? 0) === 0 && !excused(name)) missing.push(name);
  }
  assert.deepEqual(missing, []);
});

test('promtool finds nothing wrong with what is scraped', {
  skip: foreign('promtool') === undefined && 'there is no promtool',
}, async () => {
  const text = await (await fetch(`${agent.daemon.base}/metrics`, { headers: { authorization: `Bearer ${agent.daemon.token()}` } })).text();
  const { code, stdout, stderr } = await runProgram([foreign('promtool') ?? '', 'check', 'metrics'], { input: text });
  assert.deepEqual([code, stdout, stderr], [0, '', '']);
});

for (const file of globSync('deploy/grafana/dashboards/*.json', { cwd: root }).toSorted()) {
  test(`every query of the dashboard ${basename(file, '.json')} has an answer`, options, async () => {
    const { panels, annotations, templating } = JSON.parse(read(file)) as {
      panels: readonly { title: string; targets?: readonly { expr: string }[] }[];
      annotations: { list: readonly { expr: string }[] };
      templating: { list: readonly { definition?: string }[] };
    };
    const silent: string[] = [];
    const asked = [
      ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr }))),
      ...annotations.list.map(({ expr }) => ({ title: 'annotations', expr })),
    ];
    assert.ok(asked.length > 5);
    for (const { title, expr } of asked) {
      const answer = await prometheus.query(filled(expr), endedMs);
      if (answer.length === 0 && !excused(expr)) silent.push(`${title}: ${filled(expr)}`);
      for (const { value } of answer) if (Number.isNaN(value)) silent.push(`${title}: NaN: ${filled(expr)}`);
    }
    assert.deepEqual(silent, []);
    for (const { definition } of templating.list) {
      const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(filled(definition ?? '')) ?? [];
      if (definition === undefined) continue;
      const values = (await prometheus.get(`label/${label}/values`, { 'match[]': selector })) as readonly string[];
      assert.ok(values.length > 0, definition);
    }
  });
}

test('every recording rule records, every series that an alert asks for is there, and no rule fails', options, async () => {
  const { groups } = (await prometheus.get('rules')) as {
    groups: readonly { rules: readonly { name: string; type: string; query: string; health: string; lastError?: string }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  const wanted = ['recording', 'alerts'].flatMap((name) =>
    (
      parse(read(`deploy/prometheus/rules/${name}.yml`)) as { groups: readonly { rules: readonly { alert?: string; record?: string }[] }[] }
    ).groups.flatMap((group) => group.rules.map(({ alert, record }) => alert ?? record)),
  );
  assert.deepEqual(rules.map(({ name }) => name).toSorted(), wanted.toSorted());
  for (const { name, type, query, health, lastError } of rules) {
    assert.deepEqual([health, lastError ?? ''], ['ok', ''], name);
    if (type === 'recording') assert.ok((await prometheus.query(name)).length > 0, name);
    // An alert's answer is empty where nothing is wrong: what it looks at must be there all the same.
    for (const [selector] of query.matchAll(/\b(?:\w+:\w+:\w+|sboxagent_\w+|up)\b(?:\{[^}]*\})?/g)) {
      assert.ok(excused(selector) || (await prometheus.query(selector)).length > 0, `${name}: ${selector}`);
    }
  }
});

test('what fires in Prometheus comes to Alertmanager with its runbook', options, async (t) => {
  const { alertmanager } = prometheus;
  if (alertmanager === undefined) return t.skip('there is no Alertmanager');
  const alert = await until('the crash loop', async () => {
    const alerts = (await (await fetch(`${alertmanager}/api/v2/alerts`)).json()) as readonly {
      labels: Record<string, string>;
      annotations: Record<string, string>;
    }[];
    return alerts.find(({ labels }) => labels['alertname'] === 'SboxagentProcessCrashLoop');
  });
  assert.deepEqual([alert.labels['process'], alert.labels['severity']], ['broken', 'critical']);
  assert.match(alert.annotations['runbook_url'] ?? '', /process_crash_loop\.md$/);
  assert.match(alert.annotations['summary'] ?? '', /^broken on .*is given up$/);
});

test('trace ids of calls are kept as exemplars', options, async () => {
  const exemplars = (await prometheus.get('query_exemplars', {
    query: 'rpc_server_call_duration_seconds_bucket',
    start: String(Date.now() / 1000 - 300),
    end: String(Date.now() / 1000 + 5),
  })) as readonly { exemplars: readonly { labels: { trace_id?: string } }[] }[];
  assert.match(exemplars[0]?.exemplars[0]?.labels.trace_id ?? '', /^[0-9a-f]{32}$/);
});

test('what runbooks say to look at runs against this agent', { skip: options.skip }, async () => {
  const env = {
    PATH: `${join(root, 'bin')}:${process.env['PATH']}`,
    SBOXAGENT_AGENT_STATE_DIR: agent.daemon.stateDir,
    ...{ PROCESS: agent.edge, PLUGIN: 'geo', SOURCE: 'worker', AGENT: 'e2e' },
    ...(agent.fleet !== undefined && { SBOXAGENT_FLEET_SERVERS: agent.fleet }),
  };
  const lines = new Map<string, string>();
  for (const page of globSync('docs/runbooks/*.md', { cwd: root })) {
    // It wants a rollout that has failed: fleet-rollout.test.ts has one, and runs them there.
    if (basename(page) === 'fleet_rollout_halted.md') continue;
    const [, look = ''] = /^## Look\n([\s\S]*?)^## /m.exec(read(page)) ?? [];
    for (const [line] of look.matchAll(/^sboxagent .*$/gm))
      if (agent.fleet !== undefined || !line.startsWith('sboxagent fleet ')) lines.set(line, page);
  }
  // What a start would find is a check of its own, and says with its exit code what it found.
  lines.delete('sboxagent doctor');
  assert.ok(lines.size > 40);
  const script = [...lines.keys()]
    .map((line) => `${line} >/dev/null || echo ${JSON.stringify(`failed: ${line.replaceAll('"', '')}`).replaceAll('$', '\\$')}`)
    .join('\n');
  const ran = await runProgram(['sh', '-c', script], { env, timeoutMs: 3 * minute });
  assert.equal(ran.stdout, '', ran.stderr);
});
