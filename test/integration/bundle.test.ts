/** The daemon in few files, as packages ship it: it needs no source of its own, and is taken only while it is what the sources say. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { bundleDirectory, inputsFile, isFresh, stampOf } from '../../src/bundled.ts';
import { makeDaemon, program, root } from '../helpers/daemon.ts';

function directory(t: { after(fn: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-bundle-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('a bundle counts while every file is as it was when it was made', (t) => {
  const dir = directory(t);
  assert.equal(isFresh(dir, 'daemon'), false, 'there is none');
  mkdirSync(bundleDirectory(dir, 'daemon'), { recursive: true });
  const source = join(dir, 'a.ts');
  writeFileSync(source, 'one');
  const write = (text: string): void => writeFileSync(join(bundleDirectory(dir, 'daemon'), inputsFile), text);
  write(JSON.stringify({ 'a.ts': stampOf(source) }));
  assert.equal(isFresh(dir, 'daemon'), true);
  utimesSync(source, 1, 1);
  assert.equal(isFresh(dir, 'daemon'), false, 'written again');
  write(JSON.stringify({ 'a.ts': stampOf(source) }));
  assert.equal(isFresh(dir, 'daemon'), true);
  rmSync(source);
  assert.equal(isFresh(dir, 'daemon'), false, 'gone');
  for (const text of ['', 'null', '{"a.ts": 1}']) {
    write(text);
    assert.equal(isFresh(dir, 'daemon'), false, text);
  }
});

test('the shipped daemon serves from its bundle alone: threads, late parts and all', async (t) => {
  const shipped = join(directory(t), 'sboxagent');
  execFileSync(process.execPath, [join(root, 'deploy/package/stage.ts'), shipped], { stdio: 'ignore' });
  symlinkSync(join(root, 'node_modules'), join(shipped, 'node_modules'));
  for (const room of ['api', 'events', 'kernel', 'plugins', 'processes', 'settings', 'store', 'telemetry']) {
    rmSync(join(shipped, 'src', room), { recursive: true });
  }
  const posted = Promise.withResolvers<string | undefined>();
  const collector = createServer((request, response) => {
    posted.resolve(request.url);
    request.resume().on('end', () => response.end());
  }).listen(0, '127.0.0.1');
  t.after(() => collector.close());
  await once(collector, 'listening');
  const daemon = await makeDaemon({
    program: join(shipped, 'bin/sboxagent'),
    // What tracing needs of the SDK is loaded after the first answers.
    config: { telemetry: { otlp_endpoint: `http://127.0.0.1:${(collector.address() as AddressInfo).port}` } },
    env: { OTEL_BSP_SCHEDULE_DELAY: '100' },
  });
  t.after(() => daemon.dispose());
  await daemon.start();
  const made = await daemon.rest('POST', '/api/v1/events', { type: 'test.bundle', source: 'test' });
  assert.equal(made.status, 201);
  const listed = await daemon.rest('GET', '/api/v1/events?filter.types=test.bundle');
  assert.equal((listed.json as { events: unknown[] }).events.length, 1);
  const connect = await daemon.rest('POST', '/sboxagent.v1.AgentService/GetStatus', {});
  assert.equal(connect.status, 200, JSON.stringify(connect.json));
  assert.match((await posted.promise) ?? '', /^\/v1\/(traces|metrics)$/);
  assert.doesNotMatch(daemon.log(), /Cannot find|ERR_MODULE_NOT_FOUND|fault of the/);
});

test('a start takes the code that an earlier one compiled, and makes again what is not there or of another file', async (t) => {
  const dir = directory(t);
  const bundle = join(dir, 'bundle');
  mkdirSync(bundle);
  writeFileSync(join(bundle, 'main.cjs'), "exports.answer = () => require('./other.cjs').answer; exports.here = __filename;");
  writeFileSync(join(bundle, 'other.cjs'), 'exports.answer = 1;');
  const script = `
    import { openBundle } from '${join(root, 'src/chunks.ts')}';
    const { load, keepCode } = openBundle('${bundle}');
    const { answer, here } = load('./main.cjs');
    process.stdout.write(JSON.stringify({ answer: answer(), here }));
    keepCode();`;
  const run = (): unknown =>
    JSON.parse(
      execFileSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
        encoding: 'utf8',
        env: { NODE_COMPILE_CACHE: join(dir, 'cache') },
      }),
    );
  const kept = (): string[] => globSync('cache/*/!*/*', { cwd: dir }).sort();
  assert.deepEqual(run(), { answer: 1, here: join(bundle, 'main.cjs') });
  const first = kept();
  assert.deepEqual(
    first.map((path) => basename(path).split('.cjs')[0]),
    ['main', 'other'],
  );
  const inodes = (): number[] => kept().map((path) => statSync(join(dir, path)).ino);
  const made = inodes();
  run();
  assert.deepEqual(inodes(), made, 'what is there is not written again');
  const damages: readonly ((code: Buffer) => Buffer)[] = [
    () => Buffer.from('damaged'),
    () => Buffer.alloc(0),
    // V8 itself would take these two.
    (code) => code.fill(0, code.length >> 1),
    (code) => Buffer.concat([code.subarray(0, -1), Buffer.of((code.at(-1) ?? 0) ^ 1)]),
  ];
  for (const damage of damages) {
    for (const path of first) writeFileSync(join(dir, path), damage(readFileSync(join(dir, path))));
    const damaged = inodes();
    assert.deepEqual(run(), { answer: 1, here: join(bundle, 'main.cjs') });
    assert.ok(
      inodes().every((inode, index) => inode !== damaged[index]),
      'what is damaged is made again',
    );
  }
  writeFileSync(join(bundle, 'other.cjs'), 'exports.answer = 2;');
  assert.deepEqual(run(), { answer: 2, here: join(bundle, 'main.cjs') });
  assert.equal(kept().length, 2, 'the code of the file that was is gone');
});

test('a command runs the client bundle alone while that is what the sources say, and the sources when it is not', (t) => {
  const shipped = join(directory(t), 'sboxagent');
  execFileSync(process.execPath, [join(root, 'deploy/package/stage.ts'), shipped], { stdio: 'ignore' });
  symlinkSync(join(root, 'node_modules'), join(shipped, 'node_modules'));
  const version = (): string => execFileSync(join(shipped, 'bin/sboxagent'), ['version'], { encoding: 'utf8' });
  const hidden = join(shipped, 'hidden');
  renameSync(join(shipped, 'src'), hidden);
  const bundled = version();
  assert.match(bundled, /^sboxagent \d/);
  renameSync(hidden, join(shipped, 'src'));
  writeFileSync(join(bundleDirectory(shipped, 'client'), inputsFile), JSON.stringify({ 'src/client.js': 'another' }));
  writeFileSync(join(shipped, 'src/cli/commands/version.js'), "export const version = async () => (process.stdout.write('sources'), 0);");
  assert.equal(version(), 'sources');
});

test('the launcher gives Node no flag that makes it throw away the compiled code of its own modules', () => {
  const launcher = readFileSync(program, 'utf8');
  const flags = [...launcher.matchAll(/exec "\$node" (.*) "\$main"/g)].map(([, given = '']) => given.split(' '));
  assert.equal(flags.length, 2, 'serve, and the others');
  const tag = (given: readonly string[]): string =>
    execFileSync(process.execPath, [...given, '-p', "require('node:v8').cachedDataVersionTag()"], { encoding: 'utf8', env: {} });
  for (const given of flags) assert.equal(tag(given), tag([]), given.join(' '));
  assert.notEqual(tag(['--heap-growing-percent=40']), tag([]), 'such a flag is seen');
});
