import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { builtInRules, type RuleSources } from '../../../src/app/built-in-rules.ts';
import { systemClock } from '../../../src/kernel/clock.ts';

const well = () => ({ status: 'HEALTHY' as const, message: '', sinceMs: 0 });
const ill = (message: string) => () => ({ status: 'DEGRADED' as const, message, sinceMs: 0 });

/** Rule and subject of all that is found wrong. */
function found(over: Partial<RuleSources>): readonly (readonly [string, string])[] {
  const rules = builtInRules({
    plugins: { list: () => [], documents: { health: well } },
    supervisor: { list: () => [] },
    config: { health: well },
    journal: { health: well },
    metrics: { current: () => [] },
    access: { expiring: () => [] },
    goneAgents: () => [],
    haltedRollouts: () => [],
    tls: () => undefined,
    clock: systemClock,
    ...over,
  });
  return rules.flatMap(({ name, findings }) => findings().map(({ subject }) => [name, subject] as const));
}

test('nothing is found where all is well, or nothing can be told', () => {
  assert.deepEqual(found({}), []);
  assert.deepEqual(found({ tls: () => ({ certFile: '/does/not/exist', keyFile: '', clientCaFile: undefined }) }), []);
});

test('store, configuration, documents of plugins', () => {
  assert.deepEqual(found({ journal: { health: ill('the disk is full') } }), [['store_degraded', 'store']]);
  assert.deepEqual(found({ config: { health: ill('agent.yaml:3') } }), [['config_rejected', 'config']]);
  assert.deepEqual(found({ plugins: { list: () => [], documents: { health: ill('config.json:1') } } }), [['config_rejected', 'config']]);
});

test('the disk, from nine tenths on', () => {
  const disk = (used: number): RuleSources['metrics'] => ({ current: (name) => [{ value: name.includes('used') ? used : 100 }] });
  assert.deepEqual(found({ metrics: disk(89) }), []);
  assert.deepEqual(found({ metrics: disk(90) }), [['disk_nearly_full', 'disk']]);
});

test('tokens that are about to end', () => {
  const leftMs = 3_600_000;
  assert.deepEqual(found({ access: { expiring: () => [{ id: 't1', name: 'ci', leftMs }] } }), [['token_expiring', 't1']]);
});

test('agents of the fleet that are gone', () => {
  const goneAgents = () => [{ agent: 'edge-1', lastSeen: '2026-11-29T10:00:00.000Z' }];
  assert.deepEqual(found({ goneAgents }), [['fleet_agent_gone', 'edge-1']]);
});

test('rollouts that stand still because of this agent', () => {
  const haltedRollouts = () => [{ rollout: '01KB', unit: 'edge', why: 'no route', traceId: '1'.repeat(32) }];
  assert.deepEqual(found({ haltedRollouts }), [['fleet_rollout_halted', '01KB']]);
});

test('a certificate that ends within two weeks', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'certificate-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const made = (days: number): string => {
    const [key, cert] = [join(dir, `${days}.key`), join(dir, `${days}.crt`)];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, '-days', String(days), '-subj', '/CN=x'], {
      stdio: 'pipe',
    });
    return cert;
  };
  const tls =
    (certFile: string): RuleSources['tls'] =>
    () => ({ certFile, keyFile: '', clientCaFile: undefined });
  const soon = made(13);
  assert.deepEqual(found({ tls: tls(soon) }), [['certificate_expiring', soon]]);
  assert.deepEqual(found({ tls: tls(made(30)) }), []);
});
