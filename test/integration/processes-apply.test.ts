/** Applies to each of the four engines, as the fake engine replays them: what is refused, what is taken back, what goes through. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readStat } from '../../src/processes/proc.ts';
import type { EngineName } from '../../src/settings/types.ts';
import { hostileConfigs } from '../fixtures/processes/hostile-configs.ts';
import { freePort } from '../helpers/free-port.ts';

import { type ApplyJson, type Edge, type EdgeBench, openEdges, type Wire } from '../helpers/proxy-edges.ts';

const engines: readonly EngineName[] = ['sing-box', 'xray', 'mihomo', 'hysteria'];
const reloads: readonly EngineName[] = ['sing-box', 'mihomo'];
let bench: EdgeBench;

before(async () => {
  bench = await openEdges({ engines });
});
after(async () => bench?.[Symbol.asyncDispose]());

/** One row for each engine (or some of them); afterwards it is READY and carries traffic, whatever the row did. */
function each(name: string, run: (edge: Edge) => Promise<void>, some: readonly EngineName[] = engines): void {
  for (const engine of some) {
    test(`${engine}: ${name}`, async () => {
      const edge = bench.edges.find((one) => one.engine === engine);
      assert.ok(edge !== undefined);
      await run(edge);
      await bench.isReady(edge);
      assert.ok(await bench.passes(edge), 'traffic passes afterwards');
    });
  }
}

function reasonOf({ json }: Wire): string {
  return /"reason":"([A-Z_]+)"/.exec(JSON.stringify(json))?.[1] ?? '';
}

/** Refused before the swap: file, engine and revision are as they were. */
async function isRefused(edge: Edge, config: object | string, reason: string): Promise<ApplyJson> {
  const was = { text: readFileSync(edge.path, 'utf8'), ...(await bench.view(edge)) };
  const answer = await bench.put(edge, config);
  assert.deepEqual([answer.status, reasonOf(answer)], [400, reason], JSON.stringify(answer.json));
  const apply = await bench.applyOf(answer);
  assert.deepEqual([apply.result, apply.phase, apply.running_revision], ['REJECTED', 'DONE', was.config_revision]);
  const { pid, config_revision } = await bench.view(edge);
  assert.deepEqual(
    { text: readFileSync(edge.path, 'utf8'), pid, config_revision },
    { text: was.text, pid: was.pid, config_revision: was.config_revision },
  );
  return apply;
}

/** Taken back after the swap: file and revision are as they were, and the Apply says so. */
async function isTakenBack(edge: Edge, config: object, steps: readonly string[]): Promise<ApplyJson> {
  const was = { text: readFileSync(edge.path, 'utf8'), ...(await bench.view(edge)) };
  const answer = await bench.put(edge, config);
  assert.deepEqual([answer.status, reasonOf(answer)], [400, 'APPLY_ROLLED_BACK'], JSON.stringify(answer.json));
  const apply = await bench.applyOf(answer);
  assert.equal(apply.result, 'ROLLED_BACK');
  const failed = apply.steps.find(({ status }) => status === 'FAILED');
  assert.ok(steps.includes(failed?.name ?? ''), JSON.stringify(apply.steps));
  assert.equal(apply.running_revision, was.config_revision);
  assert.equal(readFileSync(edge.path, 'utf8'), was.text);
  assert.equal((await bench.view(edge)).config_revision, was.config_revision);
  return apply;
}

async function isApplied(edge: Edge, config: object): Promise<ApplyJson> {
  const answer = await bench.put(edge, config);
  assert.equal(answer.status, 200, JSON.stringify(answer.json));
  const apply = answer.json as unknown as ApplyJson;
  assert.deepEqual([apply.result, apply.running_revision], ['APPLIED', apply.revision]);
  assert.equal(readFileSync(edge.path, 'utf8'), edge.text(config));
  return apply;
}

each('a good config is applied, in place where the engine can do that', async (edge) => {
  const { pid } = await bench.view(edge);
  const apply = await isApplied(edge, edge.good('second'));
  const names = apply.steps.map(({ name, status }) => `${name} ${status}`);
  const check = edge.engine === 'hysteria' ? 'check SKIPPED' : 'check PASSED';
  assert.deepEqual(names, [
    'bounds PASSED',
    'policy PASSED',
    check,
    ...['ports', 'backup', 'swap', 'reload', 'ready', 'probe', 'commit'].map((name) => `${name} PASSED`),
  ]);
  assert.equal((await bench.view(edge)).pid === pid, reloads.includes(edge.engine));
});

each('a syntax error is refused with its line', async (edge) => {
  const { violations } = await isRefused(
    edge,
    edge.engine === 'mihomo' || edge.engine === 'hysteria' ? 'a: 1\nb: [\n' : '{\n  "a": \n}',
    'PROCESS_CONFIG_INVALID',
  );
  assert.equal(violations.length, 1);
});

each(
  'what the check of the engine refuses is refused with its sentence',
  async (edge) => {
    const config = { ...edge.good('third'), fake: { bad_check: 'unknown outbound type: teleport' } };
    const { engine_output } = await isRefused(edge, config, 'CONFIG_REFUSED');
    assert.match(engine_output.join('\n'), /unknown outbound type: teleport/);
  },
  ['sing-box', 'xray', 'mihomo'],
);

each('a taken port is refused, and its holder named', async (edge) => {
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const address = holder.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const { steps, violations } = await isRefused(edge, edge.good('fourth', [port]), 'PORT_TAKEN');
  holder.close();
  assert.match(steps.at(-1)?.message ?? '', new RegExp(`tcp port ${port} on 127\\.0\\.0\\.1 is taken by .*${process.pid}`));
  assert.ok(violations.every(({ rule, path }) => rule === 'port_taken' && path !== ''));
});

each("the daemon's own port is named plainly", async (edge) => {
  const { steps } = await isRefused(edge, edge.good('fifth', [bench.daemon.port]), 'PORT_TAKEN');
  assert.match(steps.at(-1)?.message ?? '', /is taken by this agent/);
});

each('one that cannot start is taken back, with what it said', async (edge) => {
  const config = { ...edge.good('sixth'), fake: { fails_run: 'start service: no route to rule set' } };
  const apply = await isTakenBack(edge, config, ['reload', 'ready']);
  assert.match(JSON.stringify([apply.steps, apply.engine_output]), /no route to rule set/);
});

each('one that starts and carries no traffic is taken back', async (edge) => {
  await isTakenBack(edge, { ...edge.good('seventh'), fake: { no_traffic: true } }, ['probe']);
});

each('one that says it is ready and is not is taken back', async (edge) => {
  await isTakenBack(edge, { ...edge.good('eighth'), fake: { lies: true } }, ['reload', 'ready', 'probe']);
});

each(
  'an engine that dies of the reload is started again with the config of before',
  async (edge) => {
    await isTakenBack(edge, { ...edge.good('ninth'), fake: { dies_on_reload: true } }, ['reload']);
  },
  reloads,
);

each('an engine that ignores TERM is replaced all the same, by one instance', async (edge) => {
  await isApplied(edge, { ...edge.good('tenth'), fake: { ignores_term: true } });
  const { pid } = await bench.view(edge);
  await isApplied(edge, edge.good('eleventh'));
  const now = (await bench.view(edge)).pid;
  if (reloads.includes(edge.engine)) assert.equal(now, pid);
  else assert.equal(readStat(pid), undefined, 'nothing of the one before is left');
});

each('a config that starts slowly is waited for', async (edge) => {
  await isApplied(edge, { ...edge.good('twelfth'), fake: { slow_start: 1200 } });
});

each('a port more and a port less are told as the impact', async (edge) => {
  const port = await freePort();
  const answer = await bench.put(edge, edge.good('thirteenth', [port]), { validate_only: true });
  assert.equal(answer.status, 200, JSON.stringify(answer.json));
  const { result, impact } = answer.json as {
    result: string;
    impact: { ports_added: readonly string[]; restart: boolean; drops_connections: boolean };
  };
  assert.equal(result, 'VALID');
  assert.ok(impact.ports_added.includes(`tcp 127.0.0.1:${port}`), JSON.stringify(impact));
  assert.deepEqual([impact.restart, impact.drops_connections], [!reloads.includes(edge.engine), true]);
});

test('hostile configs are refused, each with its path, before the engine sees them', async () => {
  let judged = 0;
  for (const edge of bench.edges) {
    const was = { asked: bench.asked(), text: readFileSync(edge.path, 'utf8'), ...(await bench.view(edge)) };
    const own = join(bench.daemon.stateDir, 'units', edge.id);
    for (const [engine, written, ...expected] of hostileConfigs) {
      if (engine !== edge.engine) continue;
      judged += 1;
      const content = written.replace('/state/units/edge/run.json', join(own, 'unit.0'));
      const answer = await bench.put(edge, content);
      // Larger than any message: the front door is the first that refuses.
      if (answer.status === 413) continue;
      assert.equal(answer.status, 400, JSON.stringify(answer.json));
      assert.match(reasonOf(answer), /^(CONFIG_NOT_ALLOWED|PROCESS_CONFIG_INVALID)$/, content.slice(0, 200));
      const { violations } = await bench.applyOf(answer);
      assert.deepEqual(
        violations.map(({ rule, path }) => `${rule} ${path}`.trim()),
        expected,
        content.slice(0, 200),
      );
    }
    const { pid, config_revision } = await bench.view(edge);
    assert.deepEqual(
      { asked: bench.asked(), pid, config_revision },
      { asked: was.asked, pid: was.pid, config_revision: was.config_revision },
    );
    assert.equal(readFileSync(edge.path, 'utf8'), was.text);
  }
  assert.ok(judged >= 40, `${judged} configs`);
});
