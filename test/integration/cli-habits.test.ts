/** What people expect of a command line, tried with the real program against a real daemon. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Daemon, makeDaemon, program, until } from '../helpers/daemon.ts';

const words = 'i=0; while :; do i=$((i+1)); echo "line $i"; sleep 0.2; done';
const shell = (script: string, more: object = {}): object => ({ command: ['/bin/sh', '-c', script], on_agent_exit: 'stop', ...more });
const stubborn = shell('trap "" TERM; while :; do sleep 0.1; done', { stop: { grace: '2s' } });

let daemon: Daemon;
let empty: Daemon;

before(async () => {
  const units = {
    edge: shell(words, { autostart: true }),
    'a-unit-with-quite-a-long-name.eu-west': shell(words, { autostart: true }),
    idle: shell(words),
    short: shell('sleep 1; exit 3', { restart: { policy: 'no' } }),
    stubborn,
  };
  const inline = { enabled: true, allowed_binaries: ['/bin/sh'] };
  daemon = await makeDaemon({ config: { processes: { units, inline } } });
  empty = await makeDaemon();
  await Promise.all([daemon.start(), empty.start()]);
});
after(async () => {
  await daemon?.dispose();
  await empty?.dispose();
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface How {
  readonly env?: NodeJS.ProcessEnv;
  readonly at?: Daemon;
  readonly cwd?: string;
}

function execute(file: string, argv: readonly string[], { env = {}, at = daemon, cwd = at.dir }: How): Promise<Ran> {
  const environment = { PATH: '/usr/bin:/bin', HOME: at.dir, SBOXAGENT_AGENT_STATE_DIR: at.stateDir, ...env };
  return new Promise((resolve) => {
    execFile(file, argv, { cwd, env: environment, timeout: 60_000 }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out, err });
    });
  });
}

const run = (argv: readonly string[], how: How = {}): Promise<Ran> => execute(program, argv, how);

/** The same at a terminal of 80 columns: what a person sees, both streams in one. */
function see(argv: readonly string[], how: How = {}): Promise<Ran> {
  const line = [program, ...argv].map((word) => `'${word}'`).join(' ');
  return execute('/usr/bin/script', ['-qec', `stty cols 80; exec ${line}`, '/dev/null'], how);
}

describe('ps', () => {
  test('the processes that are named; a name that nothing has is refused', async () => {
    const { code, out } = await run(['ps', 'idle', 'edge', '-o', 'json']);
    assert.deepEqual([code, JSON.parse(out).map((p: { id: string }) => p.id)], [0, ['idle', 'edge']]);
    const unknown = await run(['ps', 'edge', 'nope']);
    assert.deepEqual([unknown.code, unknown.out], [1, '']);
    assert.match(unknown.err, /nope.*\(PROCESS_NOT_FOUND\)\nWhat to do: /);
  });

  test('an id is never cut; -o wide has more columns', async () => {
    const narrow = await run(['ps'], { env: { COLUMNS: '44' } });
    assert.match(narrow.out, /^a-unit-with-quite-a-long-name\.eu-west /m);
    assert.doesNotMatch(narrow.out, /MEMORY/);
    const wide = await run(['ps', '-o', 'wide'], { env: { COLUMNS: '44' } });
    assert.match(wide.out, /^ID .* CPU +MEMORY +CONFIG +REVISION +MESSAGE$/m);
  });
});

test('an empty list says so at a terminal; a pipe gets the header', async () => {
  for (const [argv, sentence] of [
    [['ps'], /No process is declared; `sboxagent init`/],
    [['plugins', 'list'], /No plugin has registered/],
    [['alerts', 'list', '--firing'], /No alert fires\./],
    [['events', '--type', 'no.such'], /No event matches\./],
  ] as const) {
    const seen = await see(argv, { at: empty });
    assert.equal(seen.code, 0, seen.out);
    assert.match(seen.out, sentence);
    const piped = await run(argv, { at: empty });
    assert.match(piped.out, /^[A-Z]+( +[A-Z]+)+\n$/);
  }
});

test('events --since and --severity; a time that means nothing is bad usage', async () => {
  await until('its events', async () => (await run(['events', '--since', '10m', '--type', 'process.ready'])).out.includes('edge'));
  const all = JSON.parse((await run(['events', '--since', '10m', '-o', 'json'])).out);
  assert.equal(all[0].type, 'agent.started');
  const since = all.at(-1).time;
  const later = JSON.parse((await run(['events', '--since', since, '-o', 'json'])).out);
  assert.ok(later.length >= 1 && later.every((e: { time: string }) => Date.parse(e.time) >= Date.parse(since)));
  assert.deepEqual(JSON.parse((await run(['events', '--until', '1h', '-o', 'json'])).out), []);
  assert.deepEqual(JSON.parse((await run(['events', '--severity', 'critical', '-o', 'json'])).out), []);
  assert.equal((await run(['events', '--since', 'yesterday'])).code, 2);
});

describe('logs of several units', () => {
  test('interleaved in time, with a colour each at a terminal and none in a pipe', async () => {
    const ids = ['edge', 'a-unit-with-quite-a-long-name.eu-west'];
    await until('lines of both', async () => {
      const { out } = await run(['logs', ...ids, '-n', '20']);
      return ids.every((id) => out.includes(`  ${id} `));
    });
    const piped = await run(['logs', ...ids, '-n', '20']);
    const times = piped.out.split('\n').flatMap((line) => /^(\S+) /.exec(line)?.[1] ?? []);
    assert.deepEqual(times, times.toSorted());
    assert.ok(!piped.out.includes('\u001b'));
    const seen = await see(['logs', ...ids, '-n', '20']);
    assert.ok(seen.out.includes('\u001b[36medge') && seen.out.includes(`\u001b[35m${ids[1]}`), seen.out);
    assert.ok(!(await see(['logs', ...ids, '-n', '20'], { env: { NO_COLOR: '1' } })).out.includes('\u001b['));
  });

  test('a name among them that nothing has is refused', async () => {
    const { code, out, err } = await run(['logs', 'edge', 'nope']);
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, /nope/);
  });
});

test('config get: what is set; --all the defaults too; items of lists are set one by one', async () => {
  const set = await run(['config', 'get']);
  assert.match(set.out, /^agent\.name +e2e /m);
  assert.doesNotMatch(set.out, /^api\.limits/m);
  assert.match((await run(['config', 'get', '--all'])).out, /^api\.limits\.json_depth +32 +default$/m);
  const hosts = async (): Promise<unknown> => JSON.parse((await run(['config', 'get', 'api.allowed_hosts', '-o', 'json'])).out);
  for (const [word, wanted] of [
    ['api.allowed_hosts+=a.example', ['a.example']],
    ['api.allowed_hosts+=b.example', ['a.example', 'b.example']],
    ['api.allowed_hosts[0]=c.example', ['c.example', 'b.example']],
    ['api.allowed_hosts-=b.example', ['c.example']],
  ] as const) {
    const { code, err } = await run(['config', 'set', word]);
    assert.equal(code, 0, err);
    assert.deepEqual(await hosts(), wanted);
  }
  const none = await run(['config', 'set', 'api.allowed_hosts-=z.example']);
  assert.deepEqual([none.code, none.out], [1, '']);
  const rule = 'alerts.rules+={"name": "errors", "event": {"types": ["plugin.error"]}, "count": 3, "window": "5m", "severity": "WARNING"}';
  assert.equal((await run(['config', 'set', rule])).code, 0);
  assert.equal((await run(['config', 'set', 'alerts.rules[0].count=5'])).code, 0);
  assert.equal(JSON.parse((await run(['config', 'get', 'alerts.rules', '-o', 'json'])).out)[0].count, 5);
  const asked = await run(['config', 'set', '--dry-run', 'agent.log_level=debug', 'api.port=9999']);
  assert.match(asked.out, /WOULD APPLY[\s\S]*WOULD NEED RESTART[\s\S]*nothing was written\nthe rest would take effect/);
});

describe('wait', () => {
  test('for ready, stopped and exit', async () => {
    const ready = await run(['wait', 'edge', '--for', 'ready', '--timeout', '30s']);
    assert.equal(ready.code, 0, ready.err);
    const [later] = await Promise.all([run(['wait', 'idle']), run(['start', 'idle'])]);
    assert.equal(later.code, 0, later.err);
    assert.match(later.out, /^idle +READY /m);
    const [stopped] = await Promise.all([run(['wait', 'idle', '--for', 'stopped']), run(['stop', 'idle'])]);
    assert.equal(stopped.code, 0, stopped.err);
    await run(['start', 'short']);
    const exit = await run(['wait', 'short', '--for', 'exit']);
    assert.equal(exit.code, 0, exit.err);
    assert.match(exit.out, /^short .* code 3 /m);
  });

  test('what does not come in time, or not at all: 1 and why', async () => {
    const late = await run(['wait', 'idle', '--timeout', '300ms']);
    assert.deepEqual([late.code, late.out], [1, '']);
    assert.match(late.err, /waited for ready, and after 300 ms idle is STOPPED/);
    await run(['start', 'short']);
    await run(['stop', 'short']);
    await run(['start', 'short']);
    const never = await run(['wait', 'short', '--for', 'ready', '--timeout', '5s']);
    // It is READY for the second that it lives; after that it will not be, and who asks later waits in vain.
    assert.ok(never.code === 0 || /will not be ready by itself|short is EXITED/.test(never.err), never.err);
    assert.equal((await run(['wait', 'nope'])).code, 1);
    assert.equal((await run(['wait', 'edge', '--for', 'rain'])).code, 2);
  });
});

describe('run', () => {
  test('shows what an inline command writes, each stream where it belongs, and how it ended', async () => {
    const { code, out, err } = await run(['run', '-e', 'WORD=hello', '--', '/bin/sh', '-c', 'echo $WORD; echo oops >&2']);
    assert.deepEqual([code, out, err], [0, 'hello\n', 'oops\n']);
    const failed = await run(['run', '--name', 'seven', '--', '/bin/sh', '-c', 'echo last words; exit 7']);
    assert.deepEqual([failed.code, failed.out], [1, 'last words\n']);
    assert.match(failed.err, /seven ended with code 7/);
  });

  test('an interrupt ends the command too, and then the client', async () => {
    const env = { PATH: '/usr/bin:/bin', HOME: daemon.dir, SBOXAGENT_AGENT_STATE_DIR: daemon.stateDir };
    const argv = ['run', '--name', 'interrupted', '--', '/bin/sh', '-c', 'echo begun; sleep 1000'];
    const child = spawn(program, argv, { env, stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGINT');
    assert.equal(await ended, 1);
    assert.match((await run(['ps', 'interrupted'])).out, /^interrupted +(STOPPED|EXITED) /m);
  });

  test('what is not allowed says which key would allow it', async () => {
    assert.match((await run(['run', '--', '/bin/ls'])).err, /\(BINARY_NOT_ALLOWED\)\nWhat to do: .*processes\.inline\.allowed_binaries/);
    assert.match((await run(['run', '--', '/bin/ls'], { at: empty })).err, /\(INLINE_DISABLED\)\nWhat to do: .*processes\.inline\.enabled/);
    assert.equal((await run(['run', '--', 'ls'])).code, 2);
  });
});

test('what takes long says so at a terminal, and never in a pipe', async () => {
  await run(['start', 'stubborn']);
  const seen = await see(['stop', 'stubborn']);
  assert.match(seen.out, /stopping stubborn: STOPPING \(\d s\)/);
  await run(['start', 'stubborn']);
  const piped = await run(['stop', 'stubborn']);
  assert.deepEqual([piped.code, piped.err], [0, '']);
  assert.ok(!piped.out.includes('stopping'));
});

describe('init', () => {
  test('a first configuration for the engines that are there, which the daemon takes', async () => {
    const dir = join(daemon.dir, 'new');
    mkdirSync(join(dir, '.config/mihomo'), { recursive: true });
    writeFileSync(join(dir, '.config/mihomo/config.yaml'), 'mode: rule\n');
    for (const name of ['mihomo', 'hysteria']) writeFileSync(join(dir, name), '#!/bin/sh\n', { mode: 0o755 });
    const env = { PATH: `${dir}:/usr/bin:/bin`, HOME: dir };
    const made = await run(['init'], { cwd: dir, env });
    assert.equal(made.code, 0, made.err);
    assert.match(
      made.out,
      /mihomo: .*config\.yaml\n[\s\S]*hysteria: .*no config at[\s\S]*Next:\n {2}sboxagent serve --config sboxagent\.yaml\n$/,
    );
    const path = join(dir, 'sboxagent.yaml');
    const checked = await run(['serve', '--config', path, '--check-config'], { env });
    assert.equal(checked.code, 0, checked.err);
    const text = readFileSync(path, 'utf8');
    const again = await run(['init'], { cwd: dir, env });
    assert.equal(again.code, 1);
    assert.match(again.err, /is there already/);
    assert.equal(readFileSync(path, 'utf8'), text);
  });

  test('without an engine it has an example; --print writes nothing', async () => {
    const dir = join(daemon.dir, 'bare');
    mkdirSync(dir);
    const env = { PATH: dir };
    const printed = await execute(process.execPath, [join(program, '../../src/main.ts'), 'init', '--print'], { cwd: dir, env });
    assert.match(printed.out, /# No engine was found/);
    assert.ok(!existsSync(join(dir, 'sboxagent.yaml')));
    writeFileSync(join(dir, 'sboxagent.yaml'), printed.out, { mode: 0o600 });
    const checked = await run(['serve', '--config', join(dir, 'sboxagent.yaml'), '--check-config']);
    assert.equal(checked.code, 0, checked.err);
  });
});
