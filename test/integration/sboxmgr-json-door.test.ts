import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { foreign, program, root, runProgram } from '../helpers/daemon.ts';

const dir = mkdtempSync(join(tmpdir(), 'sboxagent json '));
const bin = join(dir, 'bin');
mkdirSync(bin);
after(() => rmSync(dir, { recursive: true, force: true }));

/** A fake engine: a script on the PATH of the test. */
function engine(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
}

function config(text: string, name = 'config.json'): string {
  writeFileSync(join(dir, name), text, { mode: 0o600 });
  return join(dir, name);
}

type Reply = Readonly<Record<string, unknown>> & { readonly errors?: readonly string[] };

/** Asks as sboxmgr does: every reply must be one JSON object, with exit code 0 and no null in it. */
async function ask(request: unknown, path = `${bin}:/usr/bin:/bin`): Promise<Reply> {
  const input = typeof request === 'string' ? request : JSON.stringify(request);
  // No agent of this machine is told of it.
  const { code, stdout } = await runProgram([program, '--json'], {
    input,
    env: { PATH: path, HOME: dir, SBOXAGENT_SBOXMGR_SOCKET_PATH: join(dir, 'none') },
    timeoutMs: 40_000,
  });
  assert.equal(code, 0);
  assert.equal(stdout.trim().split('\n').length, 1, stdout);
  const reply = JSON.parse(stdout);
  assert.equal(typeof reply.success, 'boolean');
  assert.equal(typeof reply.message, 'string');
  assert.doesNotMatch(stdout, /:null/);
  return reply;
}

const good = '{"outbounds": [{"type": "direct"}]}';
engine(
  'sing-box',
  `if [ "$1" = version ]; then echo 'sing-box version 1.14.1'; echo; echo 'Environment: go1.26'; exit 0; fi
[ "$1 $2 $4" = "check -c --disable-color" ] || exit 9
grep -q bad "$3" && { echo 'FATAL[0000] decode config at F: outbounds[0].type: unknown type bad' >&2; exit 1; }
grep -q panic "$3" && { printf 'panic: runtime error: index out of range\\n\\ngoroutine 1 [running]:\\nmain.main()\\n' >&2; exit 2; }
grep -q hang "$3" && sleep 60
exit 0`,
);
engine(
  'xray',
  `[ "$1" = version ] && { echo 'Xray 26.3.27 (Xray, Penetrates Everything.) abc (go1.26)'; exit 0; }
[ "$1 $2 $3" = "run -test -c" ] || exit 9
echo 'Xray 26.3.27 (banner)'; echo 'reading'
grep -q bad "$4" && { echo 'Failed to start: main: failed to load config files: [F] > unknown protocol bad'; exit 23; }
echo 'Configuration OK.'`,
);
engine(
  'mihomo',
  `[ "$1" = -v ] && { echo 'Mihomo Meta v1.19.0 linux amd64 with go1.26'; exit 0; }
[ "$1 $2 $4" = "-t -d -f" ] || exit 9
grep -q bad "$5" && { echo 'time="2026-11-22T10:00:00Z" level=error msg="proxy 0: unsupport proxy type: bad"'; echo "configuration file $5 test failed"; exit 1; }
echo "configuration file $5 test is successful"`,
);

test('version answers with the version, and echoes the trace id', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const reply = await ask({ command: 'version', version: '1.0', trace_id: 'abc12345' });
  assert.deepEqual(reply, { success: true, message: `sboxagent ${version}`, version, api_version: '1.0', trace_id: 'abc12345' });
});

for (const [what, input] of [
  ['nothing', ''],
  ['rubbish', '\u0000\u0001{{{'],
  ['an array', '[1,2]'],
  ['null', 'null'],
  ['a string', '"version"'],
  ['no command', '{}'],
  ['an unknown command', '{"command":"__proto__","trace_id":"abc12345"}'],
  ['more than 1 MiB', `{"command":"version","padding":"${'x'.repeat(3 << 20)}"}`],
  ['deep JSON', '['.repeat(500_000)],
] as const) {
  test(`${what} on stdin is answered`, async () => {
    const reply = await ask(input);
    assert.equal(reply['success'], false);
    assert.equal(reply['error_code'], 'INVALID_REQUEST');
    if (input.includes('abc12345')) assert.equal(reply['trace_id'], 'abc12345');
  });
}

test('a program that was given no stdin answers, too', async () => {
  const text = execFileSync('sh', ['-c', '"$0" --json <&-', program], { env: { PATH: '/usr/bin:/bin', HOME: dir }, encoding: 'utf8' });
  assert.equal(JSON.parse(text).success, false);
});

test('a good configuration passes', async () => {
  const reply = await ask({ command: 'validate', config_path: config(good), client_type: 'sing-box', strict: true, trace_id: 't' });
  assert.equal(reply['success'], true);
  assert.deepEqual(reply.errors, []);
  assert.equal(reply['client_detected'], 'sing-box');
  assert.equal(reply['client_version'], '1.14.1');
  assert.equal(reply['trace_id'], 't');
});

for (const [client, text, name, sentence] of [
  ['sing-box', '{"outbounds": [{"type": "bad"}]}', 'c.json', 'FATAL[0000] decode config at F: outbounds[0].type: unknown type bad'],
  [
    'xray',
    '{"outbounds": [{"protocol": "bad"}]}',
    'c.json',
    'Failed to start: main: failed to load config files: [F] > unknown protocol bad',
  ],
  [
    'mihomo',
    'mixed-port: 7890\nproxies:\n  - {name: bad}\n',
    'c.yaml',
    'time="2026-11-22T10:00:00Z" level=error msg="proxy 0: unsupport proxy type: bad"',
  ],
] as const) {
  test(`a bad configuration of ${client} is found out, and refused in the engine's own words`, async () => {
    const reply = await ask({ command: 'validate', config_path: config(text, name), client_type: null });
    assert.equal(reply['success'], false);
    assert.equal(reply['error_code'], 'CONFIG_INVALID');
    assert.deepEqual(reply.errors, [sentence]);
    assert.equal(reply['client_detected'], client);
    assert.equal(typeof reply['client_version'], 'string');
  });
}

test('a good configuration of xray and one of clash pass', async () => {
  const xray = await ask({ command: 'validate', config_path: config('{"outbounds": [{"protocol": "freedom"}]}') });
  assert.deepEqual([xray['success'], xray['client_detected'], xray['client_version']], [true, 'xray', '26.3.27']);
  const clash = await ask({ command: 'validate', config_path: config('proxies: []\n', 'c.yaml'), client_type: 'clash' });
  assert.deepEqual([clash['success'], clash['client_detected'], clash['client_version']], [true, 'clash', '1.19.0']);
});

test('a panic of the engine is an error of the configuration, told by its first line', async () => {
  const reply = await ask({ command: 'validate', config_path: config('{"outbounds": [{"type": "panic"}]}') });
  assert.equal(reply['success'], false);
  assert.deepEqual(reply.errors, ['panic: runtime error: index out of range']);
});

test('an engine that hangs is ended in time', async () => {
  const began = performance.now();
  const reply = await ask({ command: 'validate', config_path: config('{"outbounds": [{"type": "hang"}]}') });
  assert.equal(reply['error_code'], 'CHECK_TIMEOUT');
  assert.ok(performance.now() - began < 28_000);
});

test('what cannot be read or told is refused and says why', async () => {
  for (const [request, code] of [
    [{ config_path: join(dir, 'none.json') }, 'CONFIG_UNREADABLE'],
    [{ config_path: dir }, 'CONFIG_UNREADABLE'],
    [{ config_path: '/dev/zero' }, 'CONFIG_UNREADABLE'],
    [{ config_path: 7 }, 'INVALID_REQUEST'],
    [{}, 'INVALID_REQUEST'],
    [{ config_path: config(good), client_type: 'wireguard' }, 'INVALID_REQUEST'],
    [{ config_path: config('{"test": "config"}', 'unknown.json') }, 'CLIENT_UNKNOWN'],
    [{ config_path: config('', 'empty.json') }, 'CLIENT_UNKNOWN'],
  ] as const) {
    const reply = await ask({ command: 'validate', ...request });
    assert.equal(reply['error_code'], code, JSON.stringify(reply));
    assert.equal(reply.errors?.length, 1);
  }
});

test('without the engine a strict validation fails and a lenient one says that only the form was looked at', async () => {
  const path = '/usr/bin:/bin';
  const strict = await ask({ command: 'validate', config_path: config(good), strict: true }, path);
  assert.deepEqual([strict['success'], strict['error_code'], strict['client_detected']], [false, 'CLIENT_NOT_FOUND', 'sing-box']);
  assert.match(String(strict.errors?.[0]), /sing-box is not on PATH/);
  const lenient = await ask({ command: 'validate', config_path: config(good), strict: false }, path);
  assert.equal(lenient['success'], true);
  assert.match(String(lenient['message']), /only its form/);
});

test('hysteria has no check of its own', async () => {
  const reply = await ask({ command: 'validate', config_path: config('listen: :443\nauth:\n  type: password\n', 'h.yaml') });
  assert.deepEqual([reply['success'], reply['client_detected']], [true, 'hysteria']);
  assert.match(String(reply['message']), /no check/);
});

test('a document that no parser should compose is only skimmed', async () => {
  const reply = await ask({ command: 'validate', config_path: config(`proxies:\n  ${'{'.repeat(100_000)}\n`, 'deep.yaml') });
  assert.equal(reply['client_detected'], 'mihomo');
});

test('check lists what is on PATH', async () => {
  const reply = await ask({ command: 'check', client_type: null });
  const clients = reply['clients'] as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  assert.deepEqual(Object.keys(clients), ['sing-box', 'xray', 'clash', 'hysteria', 'mihomo']);
  assert.deepEqual(clients['sing-box'], { available: true, version: '1.14.1', path: join(bin, 'sing-box') });
  assert.deepEqual(clients['hysteria'], { available: false, error: 'hysteria is not on PATH' });
  const one = await ask({ command: 'check', client_type: 'xray' });
  assert.deepEqual(Object.keys(one['clients'] as object), ['xray']);
});

test('install refuses', async () => {
  const reply = await ask({ command: 'install', client_type: 'sing-box', version: '1.8.0', force: true });
  assert.deepEqual([reply['success'], reply['error_code'], reply['client_type']], [false, 'NOT_SUPPORTED', 'sing-box']);
});

test('sbox-agent is the same program', async () => {
  const { stdout, code } = await runProgram([join(root, 'bin/sbox-agent'), '--json'], { input: '{"command":"version"}' });
  assert.deepEqual([code, JSON.parse(stdout).success], [0, true]);
});

test('where Node is too old, the launcher itself answers', async () => {
  const lonely = join(dir, 'lonely');
  mkdirSync(join(lonely, 'bin'), { recursive: true });
  writeFileSync(join(lonely, 'bin/sboxagent'), readFileSync(program), { mode: 0o755 });
  const { stdout, code } = await runProgram([join(lonely, 'bin/sboxagent'), '--json'], { env: { PATH: '/bin' } });
  assert.equal(code, 0);
  assert.deepEqual([JSON.parse(stdout).success, JSON.parse(stdout).error_code], [false, 'NOT_INSTALLED']);
});

test('the real sing-box judges', { skip: foreign('sing-box') === undefined && 'no sing-box here' }, async () => {
  const real = join(dir, 'real');
  mkdirSync(real);
  symlinkSync(foreign('sing-box') ?? '', join(real, 'sing-box'));
  const path = `${real}:/usr/bin:/bin`;
  assert.equal((await ask({ command: 'validate', config_path: config(good), client_type: 'sing-box' }, path))['success'], true);
  const bad = await ask({ command: 'validate', config_path: config('{"outbounds": [{"type": "nonsense"}]}') }, path);
  assert.equal(bad['success'], false);
  assert.match(String(bad.errors?.[0]), /^FATAL\[0000\] .*nonsense/);
  const check = await ask({ command: 'check', client_type: 'sing-box' }, path);
  const { 'sing-box': found } = check['clients'] as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  assert.equal(found?.['path'], join(dirname(join(real, 'x')), 'sing-box'));
});
