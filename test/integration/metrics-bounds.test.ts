/** Counts that a kill does not lose, and label values without end, in a real daemon. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type Daemon, makeDaemon } from '../helpers/daemon.ts';
import { register, session } from '../helpers/plugin-client.ts';

let daemon: Daemon;
before(async () => {
  daemon = await makeDaemon();
  await daemon.start();
});
after(() => daemon.dispose());

async function text(): Promise<string> {
  return (await fetch(`${daemon.base}/metrics`, { headers: { authorization: `Bearer ${daemon.token()}` } })).text();
}

function sampleOf(metrics: string, series: string): number {
  const line = metrics.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? Number.NaN : Number(line.slice(series.length + 1));
}

test('a business event counts once, whether the agent was stopped, killed or asked twice', async () => {
  const publish = async (...ids: readonly string[]): Promise<void> => {
    for (const id of ids) {
      const { status } = await daemon.rest('POST', '/api/v1/events', { id, type: 'config.generated', source: 'sboxctl' });
      assert.ok(status === 201 || status === 200, String(status));
    }
  };
  const counted = async (): Promise<number> => sampleOf(await text(), 'sboxagent_business_configs_generated_total');
  await publish('a', 'b', 'a');
  assert.equal(await counted(), 2);
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await daemon.kill(signal);
    await daemon.start();
    const before = await counted();
    assert.equal(before, signal === 'SIGKILL' ? 2 : 3, signal);
    await publish('a', 'b', signal);
    assert.equal(await counted(), before + 1);
  }
});

test('100,000 label values: a bounded number of series is kept, the rest is counted, and memory does not follow', async () => {
  const plugin = await register(daemon, { id: 'chatty', name: 'chatty', kind: 'REMOTE' }, { lease: '600s' });
  const residentKiB = (): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.pid()}/status`, 'utf8'))?.[1]);
  const [all, batch] = [100_000, 500];
  let refused = 0;
  let afterFirst = 0;
  for (let n = 0; n < all; n += batch) {
    const points = Array.from({ length: batch }, (_, i) => ({
      name: 'seen',
      kind: 'COUNTER',
      value: 1,
      labels: { user: `user-${n + i}` },
    }));
    const { status, json } = await session(daemon, 'RecordMetrics', { plugin_id: plugin.id, session_id: plugin.sessionId, points });
    assert.equal(status, 200, JSON.stringify(json).slice(0, 300));
    refused += (json.rejected ?? []).length;
    if (n === all / 10) afterFirst = residentKiB();
  }
  const metrics = await text();
  const series = metrics.split('\n').filter((line) => line.startsWith('sboxagent_custom_seen_total{')).length;
  assert.equal(series, 1000);
  assert.equal(refused, all - series);
  assert.equal(sampleOf(metrics, 'sboxagent_limit_refused_total{limit="custom_series"}'), refused);
  assert.ok(residentKiB() - afterFirst < 64 * 1024, `${afterFirst} KiB after a tenth, ${residentKiB()} KiB at the end`);
});

test('paths, methods and tokens that nobody knows make no series of their own', async () => {
  const before = (await text()).split('\n').length;
  const tries = Array.from({ length: 300 }, (_, i) => i);
  for (const i of tries) {
    await fetch(`${daemon.base}/api/v1/none-${i}`, { headers: { authorization: `Bearer ${daemon.token()}` } });
    await fetch(`${daemon.base}/sboxagent.v1.None${i}/Get`, { method: 'POST', headers: { authorization: `Bearer ${'x'.repeat(40)}${i}` } });
    await daemon.rest('GET', `/api/v1/processes/none-${i}`);
  }
  const lines = (await text()).split('\n').length;
  assert.ok(lines - before < 200, `${before} lines, then ${lines}`);
});
