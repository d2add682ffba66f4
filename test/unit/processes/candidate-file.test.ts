import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { AgentError } from '../../../src/kernel/errors.ts';
import { giveNewConfig, withCandidateFile } from '../../../src/processes/apply/candidate-file.ts';
import { identityOf } from '../../../src/processes/confine.ts';

test('a config that is written where there was none can be read by the user of its engine', {
  skip: process.geteuid?.() !== 0 && 'only root may give a file away',
}, (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-owner-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, 'edge.json');
  writeFileSync(path, '{}', { mode: 0o600 });
  const unit = { id: 'edge', user: 'nobody', group: undefined };
  giveNewConfig(path, { id: 'edge', user: undefined, group: undefined });
  assert.equal(statSync(path).uid, 0);
  giveNewConfig(path, unit);
  assert.deepEqual([statSync(path).uid, statSync(path).gid], [identityOf(unit)?.uid, identityOf(unit)?.gid]);
  assert.notEqual(statSync(path).uid, 0);
});

test('a directory that is not there is not made for another user, who could not read what lies in it; the message names both', {
  skip: process.geteuid?.() !== 0 && 'only root runs a unit as another user',
}, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-owner-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const configPath = join(dir, 'none/edge.json');
  const unit = { id: 'edge', user: 'nobody', group: undefined };
  await assert.rejects(
    withCandidateFile({ stateDir: dir, unit, configPath, text: '{}' }, () => assert.fail('it was used')),
    (error) =>
      error instanceof AgentError &&
      error.reason === 'CONFIG_NOT_WRITTEN' &&
      error.message.includes(`${dir}/none is not there; make it so that nobody`),
  );
  const own = { id: 'edge', user: undefined, group: undefined };
  assert.equal(
    await withCandidateFile({ stateDir: dir, unit: own, configPath, text: '{}' }, (path) => Promise.resolve(readFileSync(path, 'utf8'))),
    '{}',
  );
});
