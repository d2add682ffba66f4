/** GetMetrics by REST and gRPC beside the Prometheus text of the same daemon. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';

interface Rollup {
  readonly window: string;
  readonly last: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly rate: number;
}
interface Metric {
  readonly name: string;
  readonly kind: string;
  readonly unit: string;
  readonly help: string;
  readonly series: readonly { labels: Record<string, string>; value: number; count: number; sum: number; rollups: readonly Rollup[] }[];
}

let daemon: Daemon;
before(async () => {
  const sleeper = { command: ['/bin/sleep', '300'], autostart: true };
  daemon = await makeDaemon({
    config: {
      api: { metrics: { collection_interval: '1s' }, security: { rate_limit: { enabled: false } } },
      processes: { units: { a: sleeper, b: sleeper } },
    },
  });
  await daemon.start();
});
after(() => daemon.dispose());

async function metrics(query: string): Promise<readonly Metric[]> {
  const { status, json } = await daemon.rest('GET', `/api/v1/metrics${query}`);
  assert.equal(status, 200, JSON.stringify(json));
  return (json as { metrics: readonly Metric[] }).metrics;
}

async function text(): Promise<string> {
  const headers = { authorization: `Bearer ${daemon.token()}` };
  return (await fetch(`${daemon.base}/api/v1/metrics/prometheus`, { headers })).text();
}

test('every kind of stream is there from the start, with 0', async () => {
  const prometheus = await text();
  for (const kind of ['WatchEvents', 'WatchProcesses', 'TailLogs', 'WatchAlerts', 'PublishEvents']) {
    assert.match(prometheus, new RegExp(`^sboxagent_streams\\{kind="${kind}"\\} 0$`, 'm'));
  }
});

test('every series of the Prometheus text is there with its kind and help, and equal where nothing moves', async () => {
  await until('both units', async () => (await text()).includes('sboxagent_process_resident_memory_bytes{process="b"'));
  const [all, prometheus] = [await metrics(''), await text()];
  const types = new Map([...prometheus.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type.toUpperCase()]));
  // A scrape is itself measured: what was there before is there in both.
  assert.deepEqual(
    all.filter(({ name }) => !types.has(name)).map(({ name }) => name),
    [],
  );
  for (const { name, kind, help } of all) {
    assert.equal(kind, types.get(name), name);
    assert.ok(prometheus.includes(`# HELP ${name} ${help}`), name);
  }
  const still = all.filter(({ name }) => /_(state|restarts_total|total_bytes|info|resident_memory_bytes)$/.test(name));
  assert.ok(still.length >= 6);
  for (const { name, series } of still) {
    for (const { labels, value } of series) {
      const written = Object.entries(labels).map(([key, one]) => `${key}="${one}"`);
      const line = prometheus.split('\n').find((one) => one.startsWith(name) && written.every((label) => one.includes(label)));
      assert.equal(Number(line?.split(' ').at(-1)), value, `${name} ${written.join()}: ${line}`);
    }
  }
});

test('names, labels and windows narrow it; rollups come with the looks; what is wrong is told by field', async () => {
  const names = '?names=sboxagent_process_*_bytes&names=sboxagent_up_seconds&labels.process=a&windows=5m&windows=1h';
  const found = await until('rollups', async () => {
    const [memory, ...rest] = await metrics(names);
    assert.deepEqual(rest, [], 'a metric without such a label is left out');
    return (memory?.series[0]?.rollups.length ?? 0) === 2 && memory;
  });
  assert.equal(found.name, 'sboxagent_process_resident_memory_bytes');
  assert.deepEqual([found.kind, found.unit], ['GAUGE', 'bytes']);
  const [series, ...others] = found.series;
  assert.deepEqual(others, []);
  assert.equal(series?.labels['process'], 'a');
  assert.deepEqual(
    series?.rollups.map(({ window }) => window),
    ['300s', '3600s'],
  );
  for (const { min, max, mean, last } of series?.rollups ?? []) assert.ok(min <= mean && mean <= max && min <= last && last <= max);
  const bad = await daemon.rest('GET', '/api/v1/metrics?windows=7m');
  assert.equal(bad.status, 400);
  assert.match(JSON.stringify(bad.json), /windows\[0\].*5m, 1h, 1d/);
  assert.equal((await daemon.rest('GET', '/api/v1/metrics?labels=x')).status, 400);
  assert.equal((await daemon.rest('GET', '/api/v1/metrics?labels.a=x&labels.a=y')).status, 400);
});

test('up time rises by a second a second, and what was seen is on disk at the end', async () => {
  // What a late look adds to a short window goes as the window grows.
  await until('a rate of one', async () => {
    const rollup = (await metrics('?names=sboxagent_up_seconds&windows=5m'))[0]?.series[0]?.rollups[0];
    return rollup !== undefined && Math.abs(rollup.rate - 1) < 0.05;
  });
  assert.equal(await daemon.kill('SIGTERM'), 0);
  const db = new DatabaseSync(join(daemon.stateDir, 'sboxagent.db'), { readOnly: true });
  const rows = db.prepare('SELECT window_ms, data FROM metric_slots').all();
  db.close();
  assert.deepEqual([...new Set(rows.map((row) => Number(row['window_ms'])))].sort(), [3_600_000, 86_400_000]);
  assert.ok(rows.every((row) => String(row['data']).includes('sboxagent_up_seconds')));
});
