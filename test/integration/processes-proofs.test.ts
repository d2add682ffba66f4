/** What a person wrote into the file of an engine that went on meanwhile has not proved itself, also where the agent was killed and adopts the engine. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, until } from '../helpers/daemon.ts';
import { type Edge, type EdgeBench, openEdges } from '../helpers/proxy-edges.ts';

/** Looks well to the check, and ends at once. */
function badByHand(edge: Edge): string {
  return edge.text({ ...edge.good('by-hand'), fake: { fails_run: 'it was never tried' } });
}

/** A change that fails brings back what carried traffic, not what was written by hand. */
async function assertBackTo(bench: EdgeBench, edge: Edge, wanted: string): Promise<void> {
  const answer = await bench.put(edge, edge.text({ ...edge.good('deaf'), fake: { no_traffic: true } }));
  assert.equal((await bench.applyOf(answer)).result, 'ROLLED_BACK', JSON.stringify(answer.json));
  assert.equal(readFileSync(edge.path, 'utf8'), wanted);
  await until('traffic', () => bench.passes(edge));
}

test('a file that was changed before the agent was killed is a drift to the next one', async () => {
  await using bench = await openEdges({ engines: ['xray'] });
  const [edge] = bench.edges;
  assert.ok(edge !== undefined);
  // READY is told before it is written down what with.
  const { pid } = await until('its first revision', async () => {
    const view = await bench.view(edge);
    return view.config_revision === 1 && view;
  });
  const proved = readFileSync(edge.path, 'utf8');
  writeFileSync(edge.path, badByHand(edge));
  await bench.daemon.kill('SIGKILL');
  await bench.daemon.start();
  await bench.isReady(edge);
  assert.equal((await bench.view(edge)).pid, pid, 'it was adopted');
  const { json } = await bench.daemon.rest('GET', `/api/v1/processes/${edge.id}/config`);
  assert.equal((json as { drifted: boolean }).drifted, true);
  await assertBackTo(bench, edge, proved);
});

test('a file that was changed, and recorded by an apply that was interrupted, is not what the engine runs with', async () => {
  let [hold, held] = ['', ''];
  await using bench = await openEdges({
    engines: ['xray'],
    unit: { binary: './slow-xray' },
    prepare: ({ dir }) => {
      [hold, held] = [join(dir, 'hold'), join(dir, 'held')];
      const fake = join(root, 'test/fixtures/processes/bin/xray');
      const script = `#!/bin/sh\ncase "$*" in *-test*) if [ -e ${hold} ]; then : > ${held}; exec sleep 20; fi ;; esac\nexec ${fake} "$@"\n`;
      writeFileSync(join(dir, 'slow-xray'), script, { mode: 0o755 });
      return dir;
    },
  });
  const [edge] = bench.edges;
  assert.ok(edge !== undefined);
  // READY is told before it is written down what with.
  const { pid } = await until('its first revision', async () => {
    const view = await bench.view(edge);
    return view.config_revision === 1 && view;
  });
  const proved = readFileSync(edge.path, 'utf8');
  writeFileSync(edge.path, badByHand(edge));
  writeFileSync(hold, '');
  const answer = bench.put(edge, edge.good('second')).catch(() => undefined);
  await until('the check', () => existsSync(held));
  await bench.daemon.kill('SIGKILL');
  await answer;
  rmSync(hold);
  await bench.daemon.start();
  await bench.isReady(edge);
  await until('the end of the apply', async () => (await bench.count('config.rejected', edge)) === 1);
  assert.equal((await bench.view(edge)).pid, pid, 'it was adopted');
  await assertBackTo(bench, edge, proved);
});
