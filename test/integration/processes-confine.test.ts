import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AgentError } from '../../src/kernel/errors.ts';
import { withCandidateFile } from '../../src/processes/apply/candidate-file.ts';
import { confine } from '../../src/processes/confine.ts';
import { judgeUnitConfig } from '../../src/processes/judge.ts';
import { plainUnit } from '../../src/settings/plain-unit.ts';
import type { UnitSettings } from '../../src/settings/types.ts';
import { bench, unit as fullUnit, sh, start, until } from '../fixtures/processes/rig.ts';

const isRoot = process.getuid?.() === 0;

/** What a program finds of itself when the unit is started with these keys. */
async function seen(over: Partial<UnitSettings>, script: string): Promise<readonly string[]> {
  await using b = bench();
  const { supervisor, stateDir } = b.rig([sh('u', `${script}; sleep 60`, over)]);
  const view = await supervisor.start('u', start);
  const out = join(stateDir, 'units/u/stdout.log');
  assert.ok(await until(() => readFileSync(out, 'utf8').endsWith('.\n')));
  assert.match(readFileSync(`/proc/${view.pid}/cmdline`, 'utf8'), /^\/bin\/sh/, 'the pid is that of the program itself');
  return readFileSync(out, 'utf8').split('\n').slice(0, -2);
}

test('limits of the kernel and the umask', async () => {
  const limits = { rlimits: { nofile: '100:200', core: '0:0' }, memoryBytes: undefined };
  assert.deepEqual(await seen({ limits, umask: 0o27 }, 'ulimit -Sn; ulimit -Hn; ulimit -c; umask; echo .'), ['100', '200', '0', '0027']);
});

test('no_new_privs', async () => {
  assert.deepEqual(await seen({ noNewPrivs: true }, 'grep NoNewPrivs /proc/self/status | tr -d "\\t"; echo .'), ['NoNewPrivs:1']);
});

test('another user: its group, no supplementary ones, a directory of its own', { skip: !isRoot }, async () => {
  const found = await seen({ user: 'nobody' }, 'id -u; id -G; pwd; touch mine && ls; touch ../unit.0 ../x 2>&1 | wc -l; echo .');
  assert.deepEqual([found[0], found[1], found[2]?.endsWith('/units/u/work'), found[3], found[4]], ['65534', '65534', true, 'mine', '2']);
});

test('ambient capabilities of a plain user', { skip: !isRoot }, async () => {
  const over = { user: 'nobody', group: 'nogroup', capabilities: ['CAP_NET_BIND_SERVICE'], noNewPrivs: true };
  assert.deepEqual(await seen(over, 'grep -E "CapEff|CapAmb" /proc/self/status | tr -d "\\t"; echo .'), [
    'CapEff:0000000000000400',
    'CapAmb:0000000000000400',
  ]);
});

const unit = { id: 'u', ...plainUnit };
const rights = { uid: 1000, gid: 1000, effective: 0n, path: '/usr/bin:/bin' };
const refused = (over: Partial<UnitSettings>, own = rights): string => {
  try {
    confine({ ...unit, ...over }, ['/bin/true'], own);
    return '';
  } catch (error) {
    assert.equal((error as AgentError).reason, 'CONFINEMENT_UNAVAILABLE');
    return (error as AgentError).message;
  }
};

test('what cannot be had is refused before anything is started, with its reason', (t) => {
  assert.match(refused({ user: 'root' }), /no right to run it as another user or group: it must run as root/);
  assert.match(refused({ user: 'nosuchuser' }), /there is no user nosuchuser/);
  assert.match(refused({ user: '12345' }), /user 12345 has no group of its own; give one/);
  assert.match(refused({ group: 'nosuchgroup' }), /there is no group nosuchgroup/);
  const empty = mkdtempSync(join(tmpdir(), 'tools-'));
  t.after(() => rmSync(empty, { recursive: true, force: true }));
  assert.match(refused({ noNewPrivs: true }, { ...rights, path: empty }), /setpriv, which .* need, is not there/);
  writeFileSync(join(empty, 'setpriv'), '');
  chmodSync(join(empty, 'setpriv'), 0o755);
  assert.match(
    refused({ noNewPrivs: true, limits: { rlimits: { core: '0:0' }, memoryBytes: undefined } }, { ...rights, path: empty }),
    /prlimit, which limits need/,
  );
  assert.deepEqual(confine(unit, ['/bin/true', 'x'], rights), ['/bin/true', 'x'], 'a plain unit is started as it is');
});

test('a unit that cannot be confined is not started', async () => {
  await using b = bench();
  const { supervisor } = b.rig([sh('u', 'sleep 60', { user: 'nosuchuser' })]);
  await assert.rejects(supervisor.start('u', start), (e: AgentError) => e.reason === 'CONFINEMENT_UNAVAILABLE');
  assert.equal(supervisor.get('u').pid, 0);
});

test('a candidate is judged as the user that the engine runs as, who can read it and no more', { skip: !isRoot }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'candidate-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  chmodSync(dir, 0o755);
  const binary = join(dir, 'sing-box');
  writeFileSync(binary, '#!/bin/sh\necho "FATAL[0000] I am $(id -un) and read $(cat "$3"), and $(ls -l "$3" | cut -c1-10)"; exit 1\n', {
    mode: 0o755,
  });
  const edge = fullUnit('edge', { engine: 'sing-box', binary, configPath: join(dir, 'c.json'), user: 'nobody' });
  const context = { stateDir: join(dir, 'state'), path: process.env['PATH'] ?? '', environment: process.env };
  const file = { stateDir: context.stateDir, unit: edge, configPath: edge.configPath ?? '', text: 'the candidate' };
  const verdict = await withCandidateFile(file, (path) => judgeUnitConfig(context, edge, { configPath: path }));
  assert.equal(verdict.kind === 'refused' && verdict.sentence, 'I am nobody and read the candidate, and -rw-------');
  assert.deepEqual(readdirSync(dir).sort(), ['sing-box', 'state']);
});
