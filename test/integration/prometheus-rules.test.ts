/** promtool on what deploy/ has for Prometheus. */
import assert from 'node:assert/strict';
import { cpSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { foreign, root, runProgram } from '../helpers/daemon.ts';

const promtool = foreign('promtool');
const amtool = foreign('amtool');
const without = (program: string, path: string | undefined): { skip: string | false } => ({
  skip: path === undefined && `there is no ${program}`,
});

async function clean(...argv: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await runProgram(argv);
  assert.equal(code, 0, `${argv.join(' ')}\n${stdout}${stderr}`);
  assert.doesNotMatch(stdout + stderr, /FAILED|warning/i);
}

test('rules are fit, and each fires when it should and only then', without('promtool', promtool), async () => {
  const of = (what: string): readonly string[] => globSync(join(root, `deploy/prometheus/${what}/*.yml`));
  assert.equal(of('rules').length, 2);
  await clean(promtool ?? '', 'check', 'rules', '--lint-fatal', ...of('rules'));
  await clean(promtool ?? '', 'test', 'rules', ...of('tests'));
});

test('the example of a Prometheus is fit, with the token where it names it', without('promtool', promtool), async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-prometheus-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  cpSync(join(root, 'deploy/prometheus'), dir, { recursive: true });
  writeFileSync(join(dir, 'sboxagent.token'), 'x');
  await clean(promtool ?? '', 'check', 'config', '--lint-fatal', join(dir, 'prometheus.yml'));
});

test('the example of an Alertmanager is fit', without('amtool', amtool), async () => {
  await clean(amtool ?? '', 'check-config', join(root, 'deploy/alertmanager/alertmanager.yml'));
});
