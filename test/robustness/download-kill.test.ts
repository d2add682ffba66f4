/** The daemon is killed with -9 during downloads through three engines: each arrives whole, and its engine is the one that it was. */
import assert from 'node:assert/strict';
import { delimiter, dirname } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { foreign } from '../helpers/daemon.ts';
import { downloadBytes, fakePath, openEdges } from '../helpers/proxy-edges.ts';

const rounds = Number(process.env['DOWNLOAD_KILLS'] ?? 10);
/** Real ones where this machine has them. */
const real = ['sing-box', 'xray'].flatMap((name) => foreign(name) ?? []).map(dirname);

test(`${rounds} kills during ${rounds * 3} downloads: each arrives, no engine is started twice`, { timeout: 400_000 }, async (t) => {
  const seed = Number(process.env['SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
  t.diagnostic(`SEED=${seed}`);
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  await using bench = await openEdges({ engines: ['sing-box', 'xray', 'mihomo'], path: [...real, fakePath].join(delimiter) });
  const { daemon, edges } = bench;
  const pids = await Promise.all(edges.map(async (edge) => (await bench.view(edge)).pid));
  const starts = await Promise.all(edges.map((edge) => bench.count('process.starting', edge)));
  let whole = 0;
  for (let n = 0; n < rounds; n++) {
    const downloads = edges.map((edge) => bench.download(edge));
    await sleep(200 + random() * 2000);
    await daemon.kill('SIGKILL');
    await sleep(random() * 500);
    await daemon.start();
    for (const [i, { code, bytes }] of (await Promise.all(downloads)).entries()) {
      assert.deepEqual([code, bytes], [0, downloadBytes], `${edges[i]?.id} in round ${n}`);
      whole += 1;
    }
    await Promise.all(edges.map(bench.isReady));
    assert.deepEqual(await Promise.all(edges.map(async (edge) => (await bench.view(edge)).pid)), pids);
  }
  assert.deepEqual(await Promise.all(edges.map((edge) => bench.count('process.starting', edge))), starts, 'an adoption is no start');
  assert.deepEqual(
    await Promise.all(edges.map((edge) => bench.count('process.exited', edge))),
    edges.map(() => 0),
  );
  t.diagnostic(`${whole} of ${rounds * 3}`);
});
