/** apply, history, rollback and explain as a person and as a script use them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type CliResult, cli } from '../helpers/cli-io.ts';
import { program } from '../helpers/daemon.ts';
import { type Edge, type EdgeBench, openEdges } from '../helpers/proxy-edges.ts';

let bench: EdgeBench;
let edge: Edge;

before(async () => {
  bench = await openEdges({ engines: ['mihomo'] });
  const [first] = bench.edges;
  assert.ok(first !== undefined);
  edge = first;
});
after(async () => bench?.[Symbol.asyncDispose]());

function run(argv: readonly string[], options: Parameters<typeof cli>[1] = {}): Promise<CliResult> {
  return cli([...argv, '--target', `unix:${join(bench.daemon.stateDir, 'api.sock')}`], options);
}

function file(config: object | string): string {
  const path = join(bench.daemon.dir, 'candidate.yaml');
  writeFileSync(path, typeof config === 'string' ? config : edge.text(config));
  return path;
}

const esc = '\u001b';

test('apply on a terminal tells the steps as they come, then what runs; in a pipe there is one answer without colours', async () => {
  const shown = await run(['apply', edge.id, '-f', file(edge.good('terminal'))], { terminal: true, columns: 80 });
  assert.equal(shown.code, 0, shown.err);
  assert.match(
    shown.out,
    /\+ {2}- MATCH,terminal[\s\S]*STEP +STATUS[\s\S]*bounds +.*PASSED[\s\S]*probe[\s\S]*commit[\s\S]*mihomo runs with revision 2\n$/,
  );
  assert.ok(shown.out.includes(`${esc}[32m`));
  assert.equal(shown.out.match(/STEP/g)?.length, 1);
  const piped = await run(['apply', edge.id, '-f', file(edge.good('piped'))]);
  assert.equal(piped.code, 0, piped.err);
  assert.match(piped.out, /commit +PASSED[\s\S]*mihomo runs with revision 3\n$/);
  assert.ok(!piped.out.includes(esc));
});

test('a refusal says the sentence of the engine and what to do, the same at a terminal and in a pipe', async () => {
  const path = file({ ...edge.good('refused'), fake: { bad_check: 'unknown proxy type: teleport' } });
  for (const terminal of [true, false]) {
    const { code, out, err } = await run(['apply', edge.id, '-f', path], { terminal });
    assert.equal(code, 1);
    assert.match(err, /unknown proxy type: teleport[\s\S]*CONFIG_REFUSED|CONFIG_REFUSED[\s\S]*unknown proxy type: teleport/, out + err);
    assert.match(err, /revision 3/);
  }
  const broken = await run(['apply', edge.id, '-f', file('a: [\n')], { terminal: true });
  assert.deepEqual([broken.code, /PROCESS_CONFIG_INVALID/.test(broken.err)], [1, true], broken.err);
  const dead = await run(['apply', edge.id, '-f', file({ ...edge.good('dead'), fake: { no_traffic: true } })], { terminal: true });
  assert.equal(dead.code, 1);
  assert.match(dead.out, /probe +.*FAILED[\s\S]*restore +.*PASSED/);
  assert.match(dead.err, /did not prove itself[\s\S]*no traffic passes[\s\S]*running: revision 3/);
});

test('--dry-run changes nothing; a file that is not there and an unknown id are told apart', async () => {
  const text = readFileSync(edge.path, 'utf8');
  const judged = await run(['apply', edge.id, '-f', file(edge.good('dry')), '--dry-run', '-o', 'json']);
  assert.equal((JSON.parse(judged.out) as { result: string }).result, 'VALID');
  assert.equal(readFileSync(edge.path, 'utf8'), text);
  assert.equal((await run(['apply', edge.id, '-f', '/nowhere/x'])).code, 2);
  assert.equal((await run(['apply', edge.id])).code, 2);
  const unknown = await run(['apply', 'nobody', '-f', file('a: 1')]);
  assert.deepEqual([unknown.code, /PROCESS_NOT_FOUND/.test(unknown.err)], [1, true], unknown.err);
});

test('history, rollback, and the config itself with its secrets masked, which comes back whole', async () => {
  const secret = { ...edge.good('masked'), authentication: ['alice:wonderland-7'] };
  const plain = await run(['apply', edge.id, '-f', file(secret), '--reason', 'a login']);
  assert.equal(plain.code, 0, plain.err);
  const config = await run(['explain', edge.id, '--show-config']);
  assert.ok(!config.out.includes('wonderland-7') && config.out.includes('***'), config.out);
  const again = await run(['apply', edge.id, '-f', file(config.out.replace('masked', 'unmasked'))]);
  assert.equal(again.code, 0, again.err);
  assert.match(readFileSync(edge.path, 'utf8'), /wonderland-7[\s\S]*unmasked|unmasked[\s\S]*wonderland-7/);
  const listed = await run(['history', edge.id, '-n', '2']);
  assert.match(listed.out, /^REVISION[\s\S]*APPLIED[\s\S]*a login/);
  assert.equal(listed.out.trim().split('\n').length, 3);
  const back = await run(['rollback', edge.id, '3', '--reason', 'too early']);
  assert.equal(back.code, 0, back.err);
  assert.match(readFileSync(edge.path, 'utf8'), /piped/);
  assert.equal((await run(['rollback', edge.id, '999'])).code, 1);
  const steps = await run(['rollback', edge.id, '2'], { terminal: true, columns: 80 });
  assert.equal(steps.code, 0, steps.err);
  assert.match(steps.out, /STEP +STATUS[\s\S]*bounds +.*PASSED[\s\S]*commit/, 'its steps as they end, as of an apply');
  assert.equal((await run(['rollback', edge.id, '999'], { terminal: true })).code, 1);
  for (const said of [listed.out, back.out, plain.out]) assert.ok(!said.includes('wonderland-7'));
});

test('explain fits 80 columns and names a command', async () => {
  const well = await run(['explain', edge.id], { terminal: true, columns: 80 });
  assert.match(well.out, /mihomo runs and is ready/);
  await bench.daemon.rest('DELETE', `/api/v1/processes/${edge.id}`);
  writeFileSync(edge.path, edge.text({ ...edge.good('broken'), fake: { bad_check: `unknown key: ${'long '.repeat(30)}` } }));
  await bench.daemon.rest('POST', '/api/v1/processes', { id: edge.id });
  const { code, out } = await run(['explain', edge.id], { terminal: true, columns: 80 });
  assert.equal(code, 0);
  assert.match(out, /unknown key[\s\S]*what to do[\s\S]*sboxagent rollback mihomo \d+/);
  const plain = out.replaceAll(new RegExp(`${esc}\\[[0-9;]*m`, 'g'), '');
  const long = plain.split('\n').filter((line) => line.length > 80);
  assert.deepEqual(long, []);
});

/** The real program at a terminal, whose answers are typed; the editor is a script that writes what it is given, one text a time. */
function editAtTerminal(texts: readonly string[], answers: string, flags: readonly string[] = []): Promise<{ code: number; out: string }> {
  const editor = join(bench.daemon.dir, 'editor');
  for (const [i, text] of texts.entries()) writeFileSync(`${editor}.${i}`, text);
  const script = `#!/bin/sh\nn=$(cat "$0.n" 2>/dev/null || echo 0)\ncp "$0.$n" "$1"\necho $((n+1)) >"$0.n"\n`;
  writeFileSync(editor, script, { mode: 0o755 });
  rmSync(`${editor}.n`, { force: true });
  const line = [program, 'edit', edge.id, ...flags].join(' ');
  const env = {
    PATH: '/usr/bin:/bin',
    HOME: bench.daemon.dir,
    TMPDIR: bench.daemon.dir,
    EDITOR: editor,
    SBOXAGENT_AGENT_STATE_DIR: bench.daemon.stateDir,
  };
  return new Promise((resolve) => {
    const child = execFile('/usr/bin/script', ['-qec', line, '/dev/null'], { env, timeout: 90_000 }, (error, out) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out });
    });
    child.stdin?.end(answers);
  });
}

const keptIn = (out: string): string => /kept in (\S+?)\.?\s/.exec(out)?.[1] ?? '';

test('edit: a refused text is edited again, what passes is shown, asked for and applied', async () => {
  const refused = edge.text({ ...edge.good('edited'), fake: { bad_check: 'no such word' } });
  const seen = await editAtTerminal([refused, edge.text(edge.good('edited'))], 'y\ny\n');
  assert.equal(seen.code, 0, seen.out);
  assert.match(
    seen.out,
    /no such word[\s\S]*Edit it again\? \[Y\/n\][\s\S]*MATCH,edited[\s\S]*Apply it\? \[y\/N\][\s\S]*mihomo runs with revision/,
  );
  assert.match((await run(['explain', edge.id, '--show-config'])).out, /MATCH,edited/);
});

test('edit: what is not applied is kept, and an unchanged text changes nothing', async () => {
  const declined = await editAtTerminal([edge.text(edge.good('declined'))], 'n\n');
  assert.equal(declined.code, 0, declined.out);
  assert.match(readFileSync(keptIn(declined.out), 'utf8'), /MATCH,declined/);
  const given = await editAtTerminal([edge.text({ ...edge.good('bad'), fake: { bad_check: 'wrong' } })], 'n\n');
  assert.equal(given.code, 1, given.out);
  assert.match(readFileSync(keptIn(given.out), 'utf8'), /MATCH,bad/);
  const before = (await run(['explain', edge.id, '--show-config'])).out;
  const same = await editAtTerminal([before], '');
  assert.match(same.out, /Nothing was changed/);
  assert.match(before, /MATCH,edited/);
});

test('a dry run speaks of what it would do, and changes nothing', async () => {
  const { code, out } = await run(['apply', edge.id, '-f', file(edge.good('asked')), '--dry-run']);
  assert.equal(code, 0);
  assert.match(out, /it would be applied; nothing was changed\n$/);
  assert.doesNotMatch(out, /are cut|is restarted/);
});
