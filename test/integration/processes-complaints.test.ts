import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { unitComplaints } from '../../src/processes/index.ts';
import { bench, sh, unit } from '../fixtures/processes/rig.ts';

const fakes = [fileURLToPath(new URL('../fixtures/processes/bin', import.meta.url)), dirname(process.execPath), process.env['PATH']].join(
  delimiter,
);

test('what would keep a unit from starting or from ending in peace is told, each with what to do', async () => {
  await using b = bench();
  const stateDir = join(b.directory, 'state');
  const context = { stateDir, path: fakes, environment: { ...process.env, PATH: fakes } };
  const configPath = join(b.directory, 'c.json');
  writeFileSync(configPath, '{"fake": {"bad_check": "unknown field x"}}');
  const edge = unit('edge', { engine: 'sing-box', configPath, stop: { signal: 'SIGTERM', graceMs: 15_000 } });
  assert.deepEqual(await unitComplaints(context, sh('u', 'true')), []);
  assert.deepEqual(await unitComplaints(context, edge), [], 'a unit that never was started has no directory to be checked in');
  mkdirSync(join(stateDir, 'units/edge'), { recursive: true });
  assert.match((await unitComplaints(context, edge)).join(), /^edge: its engine refuses its config: .*unknown field x$/);
  assert.match(
    (await unitComplaints(context, { ...edge, stop: { ...edge.stop, graceMs: 1000 } })).join(),
    /edge: stop\.grace is shorter than the 12s that sing-box may need/,
  );
  assert.match((await unitComplaints({ ...context, path: '/nowhere' }, edge)).join(), /^no program for edge \(sing-box\); install it/);
  assert.match((await unitComplaints(context, sh('u', 'true', { user: 'nosuchuser' }))).join(), /there is no user nosuchuser/);
});
