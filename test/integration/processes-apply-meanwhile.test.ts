/** What others do in the middle of an apply: each has one defined outcome, and there is never a second instance. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineName } from '../../src/settings/types.ts';
import { until } from '../helpers/daemon.ts';
import { type ApplyJson, type Edge, type EdgeBench, openEdges, type Wire } from '../helpers/proxy-edges.ts';

const engines: readonly EngineName[] = ['sing-box', 'xray'];
let bench: EdgeBench;
let looking: NodeJS.Timeout | undefined;
const most = new Map<string, number>();

/** Running programs of an engine with its config; the checks of candidates are other commands. */
function instances({ path }: Edge): number {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const isEngine = argv[0]?.endsWith('node') === true && argv.includes(path) && argv.includes('run') && !argv.includes('-test');
      return isEngine && !/\) [ZX] /.test(stat);
    } catch {
      return false;
    }
  }).length;
}

before(async () => {
  bench = await openEdges({ engines });
  looking = setInterval(() => {
    for (const edge of bench.edges) most.set(edge.id, Math.max(most.get(edge.id) ?? 0, instances(edge)));
  }, 20);
});
after(async () => {
  clearInterval(looking);
  await bench?.[Symbol.asyncDispose]();
});
beforeEach(() => most.clear());

function each(name: string, run: (edge: Edge) => Promise<void>): void {
  for (const engine of engines) {
    test(`${engine}: ${name}`, async () => {
      const edge = bench.edges.find((one) => one.engine === engine);
      assert.ok(edge !== undefined);
      const start = { id: edge.id, wait_for: 'READY' };
      if ((await bench.view(edge)).state !== 'READY') await bench.daemon.rest('POST', '/api/v1/processes', start);
      await bench.isReady(edge);
      await run(edge);
      assert.ok((most.get(edge.id) ?? 0) <= 1, `${most.get(edge.id)} instances at once`);
    });
  }
}

function reasonOf({ json }: Wire): string {
  return /"reason":"([A-Z_]+)"/.exec(JSON.stringify(json))?.[1] ?? '';
}

/** Begins an apply that is proved for a while, and waits until that has begun. */
async function begin(edge: Edge, config: object): Promise<{ readonly id: string; readonly done: Promise<ApplyJson> }> {
  const { status, json } = await bench.put(edge, config, { async: true });
  assert.equal(status, 200, JSON.stringify(json));
  const { id, result } = json as unknown as ApplyJson;
  assert.equal(result, 'PENDING');
  await until('the config to be verified', async () => (await find(id)).phase === 'VERIFYING');
  return { id, done: until('the end of the apply', async () => ((await find(id)).phase === 'DONE' ? find(id) : undefined), 30_000) };
}

async function find(id: string): Promise<ApplyJson> {
  return (await bench.daemon.rest('GET', `/api/v1/applies/${id}`)).json as ApplyJson;
}

each('two applies queue: each has its own outcome, in the order in which they came', async (edge) => {
  const bad = bench.put(edge, { ...edge.good('two-bad'), fake: { no_traffic: true } });
  await sleep(100);
  const good = bench.put(edge, edge.good('two-good'));
  const [first, second] = await Promise.all([bad, good]);
  assert.deepEqual([reasonOf(first), second.status], ['APPLY_ROLLED_BACK', 200], JSON.stringify([first.json, second.json]));
  assert.equal(readFileSync(edge.path, 'utf8'), edge.text(edge.good('two-good')));
  assert.ok(await bench.passes(edge));
});

each('a stop in the middle wins: the config of before is in the file, and nothing runs', async (edge) => {
  const text = readFileSync(edge.path, 'utf8');
  const { done } = await begin(edge, { ...edge.good('stopped'), fake: { no_traffic: true } });
  const stopped = await bench.daemon.rest('DELETE', `/api/v1/processes/${edge.id}`);
  assert.equal(stopped.status, 200);
  const apply = await done;
  assert.deepEqual([apply.result, apply.running_revision], ['ROLLED_BACK', 0], JSON.stringify(apply));
  assert.equal(readFileSync(edge.path, 'utf8'), text);
  assert.equal((await bench.view(edge)).state, 'STOPPED');
  assert.equal(instances(edge), 0);
});

each('a crash in the middle is a config that did not prove itself', async (edge) => {
  const text = readFileSync(edge.path, 'utf8');
  const { done } = await begin(edge, { ...edge.good('crashed'), fake: { no_traffic: true } });
  await until('an instance to kill', async () => {
    const { pid } = await bench.view(edge);
    return pid > 0 && process.kill(pid, 'SIGKILL');
  });
  const apply = await done;
  assert.equal(apply.result, 'ROLLED_BACK');
  assert.equal(readFileSync(edge.path, 'utf8'), text);
  await bench.isReady(edge);
  assert.ok(await bench.passes(edge));
});

each('a restart in the middle does not make a config good that carries no traffic', async (edge) => {
  const text = readFileSync(edge.path, 'utf8');
  const { done } = await begin(edge, { ...edge.good('restarted'), fake: { no_traffic: true } });
  await bench.daemon.rest('POST', `/api/v1/processes/${edge.id}:restart`, {});
  const apply = await done;
  assert.equal(apply.result, 'ROLLED_BACK', JSON.stringify(apply.steps));
  assert.equal(readFileSync(edge.path, 'utf8'), text);
  await bench.isReady(edge);
  assert.ok(await bench.passes(edge));
});

each('the end of the daemon in the middle takes it back, and tells it once', async (edge) => {
  const text = readFileSync(edge.path, 'utf8');
  const { config_revision } = await bench.view(edge);
  const told = await bench.count('config.rolled_back', edge);
  const { id } = await begin(edge, { ...edge.good('ended'), fake: { no_traffic: true } });
  await bench.daemon.kill('SIGTERM');
  await bench.daemon.start();
  const apply = await until('the end of the apply', async () => ((await find(id)).phase === 'DONE' ? find(id) : undefined));
  assert.equal(apply.result, 'ROLLED_BACK', JSON.stringify(apply));
  assert.equal(readFileSync(edge.path, 'utf8'), text);
  await bench.isReady(edge);
  assert.equal((await bench.view(edge)).config_revision, config_revision);
  assert.equal(await bench.count('config.rolled_back', edge), told + 1);
  assert.ok(await bench.passes(edge));
});

each('a unit that is taken out of the configuration in the middle is gone, with the config of before in its file', async (edge) => {
  const text = readFileSync(edge.path, 'utf8');
  const { id, done } = await begin(edge, { ...edge.good('removed'), fake: { no_traffic: true } });
  const { json } = await bench.daemon.rest('GET', '/api/v1/config');
  const { document } = json as { document: { processes: { units: Record<string, unknown> } } };
  const unit = document.processes.units[edge.id];
  const rest = Object.fromEntries(Object.entries(document.processes.units).filter(([other]) => other !== edge.id));
  const set = await bench.daemon.rest('PUT', '/api/v1/config?update_mask=processes.units', { processes: { units: rest } });
  assert.equal(set.status, 200, JSON.stringify(set.json));
  assert.equal((await done).result, 'ROLLED_BACK');
  await until('the unit to be gone', async () => (await bench.daemon.rest('GET', `/api/v1/processes/${edge.id}`)).status === 404);
  assert.equal(readFileSync(edge.path, 'utf8'), text);
  assert.equal(instances(edge), 0);
  assert.equal((await find(id)).phase, 'DONE');
  const back = await bench.daemon.rest('PUT', '/api/v1/config?update_mask=processes.units', {
    processes: { units: { ...rest, [edge.id]: unit } },
  });
  assert.equal(back.status, 200, JSON.stringify(back.json));
  await bench.isReady(edge);
  assert.ok(await bench.passes(edge));
});
