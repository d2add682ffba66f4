/** The daemon is killed with -9 during applies to engines that are restarted for a config, and to files that were edited by hand: file, engine and history agree after each. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../helpers/daemon.ts';
import { openEdges } from '../helpers/proxy-edges.ts';

const kills = Number(process.env['APPLY_KILLS'] ?? 10);

test(`${kills} kills during applies to xray and hysteria at once`, { timeout: 300_000 }, async (t) => {
  const seed = Number(process.env['SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
  t.diagnostic(`SEED=${seed}`);
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  await using bench = await openEdges({ engines: ['xray', 'hysteria'] });
  const { daemon, edges } = bench;
  /** What each may have recorded as the last that proved itself: what a person wrote does so where the engine is started with it. */
  const proved = edges.map((edge) => [readFileSync(edge.path, 'utf8')]);
  for (let n = 0; n < kills; n++) {
    const isGood = random() < 0.6;
    // A drift: what a person wrote into the file counts as what was there.
    if (n % 3 === 2) for (const edge of edges) writeFileSync(edge.path, edge.text(edge.good(`by-hand-${n}`)));
    const before = edges.map((edge) => readFileSync(edge.path, 'utf8'));
    const pids = await Promise.all(edges.map(async (edge) => (await bench.view(edge)).pid));
    const candidates = edges.map((edge) => edge.text({ ...edge.good(`word-${n}`), fake: isGood ? {} : { no_traffic: true } }));
    const replies = edges.map((edge, i) =>
      bench.put(edge, candidates[i] ?? '').then(
        ({ status }) => status,
        () => 0,
      ),
    );
    await sleep(random() * 1800);
    await daemon.kill('SIGKILL');
    const statuses = await Promise.all(replies);
    await daemon.start();
    for (const [i, edge] of edges.entries()) {
      await bench.isReady(edge);
      const text = readFileSync(edge.path, 'utf8');
      // What was written by hand is still a drift where the kill came before the apply had looked.
      await until('the interrupted apply to be over', async () => {
        const { json } = await daemon.rest('GET', `/api/v1/processes/${edge.id}/config`);
        return (json as { drifted: boolean }).drifted === false || text === before[i];
      });
      // An edit by hand that never proved itself gives way to the last config that did.
      const isCandidate = isGood && text === candidates[i];
      assert.ok(isCandidate || text === before[i] || proved[i]?.includes(text), `${edge.id}, kill ${n}: ${text}`);
      if (isCandidate) proved[i] = [text];
      else if ((await bench.view(edge)).pid !== pids[i]) proved[i]?.push(text);
      if (statuses[i] === 200) assert.equal(text, candidates[i], 'what was answered with OK stays');
      await until(`traffic through ${edge.id} (kill ${n})`, () => bench.passes(edge));
    }
  }
});
