/** Applies on a disk that is full or may not be written, at each step: file, engine and revision agree, the answer says what and where. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Daemon, until } from '../helpers/daemon.ts';
import { type Edge, type EdgeBench, openEdges, type Wire } from '../helpers/proxy-edges.ts';

const kib = 1024;

function run(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** Whether this user may mount, tried. */
function mayMount(): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-mount-'));
  try {
    return run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', dir) && run('umount', dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** It was refused as a whole: nothing had to be taken back. */
async function assertRejected(bench: EdgeBench, answer: Wire): Promise<void> {
  assert.equal((await bench.applyOf(answer)).result, 'REJECTED', JSON.stringify(answer.json));
}

const skip = mayMount() ? false : 'nothing may be mounted here (it takes root)';

function mountTmpfs(t: TestContext, dir: string, bytes: number): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  assert.ok(run('mount', '-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'none', dir));
  t.after(() => run('umount', '-l', dir));
}

/** Leaves so many bytes free. Answers how to undo that. */
function fill(dir: string, leftBytes: number): () => void {
  const filler = join(dir, 'filler');
  const { bavail, bsize } = statfsSync(dir);
  try {
    writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - leftBytes), 'x'));
  } catch {
    // The agent has taken what was to be left meanwhile: then it is full.
  }
  return () => rmSync(filler, { force: true });
}

/** A config of 40 KiB, so that the copies that are made of it are felt. */
function candidate(edge: Edge, word: string): string {
  return edge.text({ ...edge.good(word), padding: 'x'.repeat(40 * kib) });
}

async function openBench(t: TestContext, prepare: (daemon: Daemon) => string): Promise<{ bench: EdgeBench; edge: Edge }> {
  let bench: EdgeBench | undefined;
  // Before what `prepare` mounts is unmounted: an engine whose directory has gone is found by nobody.
  t.after(() => bench?.daemon.rest('DELETE', '/api/v1/processes/mihomo').catch(() => undefined));
  bench = await openEdges({ engines: ['mihomo'], prepare });
  t.after(() => bench?.[Symbol.asyncDispose]());
  const [edge] = bench.edges;
  assert.ok(edge !== undefined);
  await bench.isReady(edge);
  return { bench, edge };
}

interface Standing {
  readonly revision: number;
  readonly content: string;
  readonly drifted: boolean;
}

async function standing({ daemon }: EdgeBench, { id }: Edge): Promise<Standing> {
  return (await daemon.rest('GET', `/api/v1/processes/${id}/config`)).json as Standing;
}

/** What one apply came to while the disk refuses; the file is whole and the engine carries traffic whatever it was. */
async function applyWhileRefused(bench: EdgeBench, edge: Edge, word: string): Promise<Wire> {
  const before = readFileSync(edge.path, 'utf8');
  const wanted = candidate(edge, word);
  const answer = await bench.put(edge, wanted);
  assert.ok(readFileSync(edge.path, 'utf8') === (answer.status === 200 ? wanted : before), JSON.stringify(answer.json));
  await until('traffic', () => bench.passes(edge), 30_000);
  return answer;
}

/** Once there is room again: what is recorded is what lies in the file, and the next apply goes through. */
async function assertAgreement(bench: EdgeBench, edge: Edge, word: string): Promise<void> {
  const held = await until('the configuration', async () => {
    const now = await standing(bench, edge);
    return now.content !== undefined && now;
  });
  assert.equal(held.drifted, false);
  assert.ok(held.content.trim() === readFileSync(edge.path, 'utf8').trim(), 'what is recorded lies in the file');
  const wanted = candidate(edge, word);
  await until('an apply', async () => (await bench.put(edge, wanted)).status === 200, 30_000);
  assert.ok(readFileSync(edge.path, 'utf8') === wanted);
  const after = await standing(bench, edge);
  assert.ok(after.revision > held.revision);
  assert.equal((await bench.view(edge)).config_revision, after.revision);
}

/** Status, reason and step. */
function outcomeOf({ status, json }: Wire): string {
  const text = JSON.stringify(json);
  const [, reason = ''] = /"reason":"([A-Z_]+)"/.exec(text) ?? [];
  const [, step = ''] = /"step":"([a-z]+)"/.exec(text) ?? [];
  return [reason, step, status].filter(Boolean).join(' ');
}

function assertNamed({ status, json }: Wire, place: string): void {
  const text = JSON.stringify(json);
  assert.ok(status === 429 || status === 400 || status === 503 || status === 409, text);
  assert.match(text, /DISK_FULL|CONFIG_NOT_WRITTEN|JOURNAL_FULL|JOURNAL_UNAVAILABLE|AUDIT_UNAVAILABLE/, text);
  assert.ok(text.includes(place) || /full|disk/i.test(text), text);
}

test('the directory of the config is full', { skip }, async (t) => {
  let dir = '';
  const { bench, edge } = await openBench(t, (daemon) => {
    dir = join(daemon.dir, 'configs');
    mountTmpfs(t, dir, 512 * kib);
    return dir;
  });
  for (const [i, left] of [0, 4, 20, 36].entries()) {
    const free = fill(dir, left * kib);
    const answer = await applyWhileRefused(bench, edge, `full-${i}`);
    assert.notEqual(answer.status, 200, `${left} KiB do not hold it`);
    assertNamed(answer, edge.path);
    await assertRejected(bench, answer);
    free();
    await assertAgreement(bench, edge, `free-${i}`);
  }
});

test('the state directory is full, at each step of an apply', { skip }, async (t) => {
  let state = '';
  const { bench, edge } = await openBench(t, (daemon) => {
    state = daemon.stateDir;
    mountTmpfs(t, state, 48 << 20);
    return daemon.dir;
  });
  const outcomes: string[] = [];
  for (let left = 0; left <= 224; left += left < 128 ? 32 : 8) {
    const free = fill(state, left * kib);
    const answer = await applyWhileRefused(bench, edge, `full-${left}`);
    outcomes.push(`${left} KiB: ${outcomeOf(answer)}`);
    if (answer.status !== 200) assertNamed(answer, state);
    free();
    await assertAgreement(bench, edge, `free-${left}`);
  }
  t.diagnostic(outcomes.join('; '));
  assert.ok(outcomes.some((outcome) => !outcome.endsWith('200')));
});

test('the directory of the config is mounted read-only', { skip }, async (t) => {
  let dir = '';
  const { bench, edge } = await openBench(t, (daemon) => {
    dir = join(daemon.dir, 'configs');
    mkdirSync(dir);
    assert.ok(run('mount', '--bind', dir, dir));
    t.after(() => run('umount', '-l', dir));
    return dir;
  });
  assert.ok(run('mount', '-o', 'remount,ro,bind', dir));
  const answer = await applyWhileRefused(bench, edge, 'read-only');
  assert.notEqual(answer.status, 200);
  assertNamed(answer, edge.path);
  await assertRejected(bench, answer);
  assert.match(JSON.stringify(answer.json), /EROFS|read-only/i);
  assert.ok(run('mount', '-o', 'remount,rw,bind', dir));
  await assertAgreement(bench, edge, 'writable');
});

test('the file of the config is immutable', { skip }, async (t) => {
  const { bench, edge } = await openBench(t, (daemon) => daemon.dir);
  if (!run('chattr', '+i', edge.path)) return t.skip('this file system has no immutable files');
  t.after(() => run('chattr', '-i', edge.path));
  const answer = await applyWhileRefused(bench, edge, 'immutable');
  assert.notEqual(answer.status, 200);
  assertNamed(answer, edge.path);
  await assertRejected(bench, answer);
  run('chattr', '-i', edge.path);
  await assertAgreement(bench, edge, 'mutable');
});
