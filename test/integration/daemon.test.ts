/** The daemon as it ships: its exit codes, its one owner, and what SIGHUP does. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Daemon, makeDaemon, program, runProgram, until } from '../helpers/daemon.ts';

let daemon: Daemon;
let config = '';

interface Health {
  readonly status: string;
  readonly components: readonly { name: string; status: string; message: string }[];
}

async function configComponent(): Promise<Health['components'][number] | undefined> {
  const { json } = await daemon.rest('GET', '/api/v1/health');
  return (json as Health).components.find(({ name }) => name === 'config');
}

async function newest(type: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { json } = await daemon.rest('GET', `/api/v1/events?filter.types=${type}&page_size=1`);
  return (json as { events: readonly { data: Record<string, unknown> }[] }).events[0]?.data;
}

async function reload(text: string): Promise<void> {
  writeFileSync(daemon.configPath, text);
  process.kill(daemon.pid(), 'SIGHUP');
}

function changed(change: (document: Record<string, Record<string, unknown>>) => void): string {
  const document = JSON.parse(config) as Record<string, Record<string, unknown>>;
  change(document);
  return JSON.stringify(document, undefined, 1);
}

before(async () => {
  daemon = await makeDaemon();
  config = readFileSync(daemon.configPath, 'utf8');
  await daemon.start();
});

after(() => daemon.dispose());

test('every component of the health answer says since when, and none before the agent was there', async () => {
  const { json } = await daemon.rest('GET', '/api/v1/health');
  const { components } = json as { components: readonly { name: string; since: string }[] };
  const early = components.filter(({ since }) => !(Date.parse(since) > Date.now() - 600_000));
  assert.deepEqual(early, []);
  assert.ok(components.length >= 8);
});

test('SIGHUP applies what can be applied, by gRPC too, and names what needs a restart', async () => {
  const event = (bytes: number) => ({ event: { type: 'test.large', source: 'test', data: { pad: 'x'.repeat(bytes) } } });
  const create = (bytes: number) => daemon.rest('POST', '/sboxagent.v1.EventService/CreateEvent', event(bytes));
  assert.equal((await create(8000)).status, 200);
  const next = changed((document) => {
    Object.assign(document['api'] ?? {}, { limits: { message_bytes: '4KiB' }, metrics: { public: true } });
  });
  await reload(next);
  const told = await until('config.applied', () => newest('config.applied'));
  assert.deepEqual([told['applied'], told['restart_required']], [['api.limits.message_bytes'], ['api.metrics.public']]);
  // Once: the signal and the watch of the file saw one change.
  const { json } = await daemon.rest('GET', '/api/v1/events?filter.types=config.applied');
  assert.equal((json as { events: readonly unknown[] }).events.length, 1);
  assert.equal((await create(8000)).status, 429);
  assert.equal((await create(100)).status, 200);
  assert.equal((await daemon.rest('POST', '/api/v1/events', event(8000).event)).status, 413);
});

test('a bad configuration changes nothing, is told once with its line, and heals', async () => {
  await reload('api:\n  prot: 1\n');
  const sick = await until('a DEGRADED component', async () => {
    const component = await configComponent();
    return component?.status === 'DEGRADED' && component;
  });
  assert.match(sick.message, /sboxagent\.yaml:2: api\.prot: /);
  assert.match(String((await until('config.rejected', () => newest('config.rejected')))['problem']), /api\.prot/);
  await reload(config);
  await until('HEALTHY', async () => (await configComponent())?.status === 'HEALTHY');
});

test('a second daemon on the state directory is refused with 78 and told who owns it', async () => {
  const second = await runProgram([program, 'serve', '--config', daemon.configPath, '--state-dir', daemon.stateDir]);
  assert.equal(second.code, 78);
  assert.match(second.stderr, new RegExp(`pid ${daemon.pid()}`));
  assert.equal((await daemon.rest('GET', '/api/v1/status')).status, 200);
});

test('what is refused in the middle of the start ends the program too', async () => {
  const other = await makeDaemon();
  try {
    mkdirSync(join(other.stateDir, 'tokens.json'), { recursive: true, mode: 0o700 });
    const ran = await runProgram([program, 'serve', '--config', other.configPath, '--state-dir', other.stateDir]);
    assert.equal(ran.code, 78);
    assert.match(ran.stderr, /tokens\.json/);
  } finally {
    await other.dispose();
  }
});

test('a state directory that cannot be made is refused with 78', async () => {
  const ran = await runProgram([program, 'serve', '--config', daemon.configPath, '--state-dir', '/proc/none']);
  assert.equal(ran.code, 78);
  assert.match(ran.stderr, /\/proc\/none.*--state-dir/);
});

test('doctor finds the running daemon fit', async () => {
  const ran = await runProgram([program, 'doctor', '--config', daemon.configPath, '--state-dir', daemon.stateDir]);
  assert.equal(ran.code, 0, ran.stdout);
  assert.match(ran.stdout, new RegExp(`ok +daemon +running, pid ${daemon.pid()}`));
  assert.match(ran.stdout, /ok +cgroups +(one for each unit below \/.*memory is|none: .*found by its mark)/);
  assert.match(ran.stdout, /ok +launcher +(\/\S+ starts what is supervised|none: .*the agent forks itself)/);
});

test('doctor that was given no file says that the daemon may have one', async () => {
  const ran = await runProgram([program, 'doctor', '--state-dir', daemon.stateDir]);
  assert.match(ran.stdout, /ok +configuration +built-in defaults; if the running daemon has a file .* --config/);
});

test('an output that takes nothing is said, and the exit code tells what happened', async () => {
  const full = (...argv: string[]) => runProgram(['sh', '-c', 'exec "$0" "$@" >/dev/full', program, ...argv]);
  for (const argv of [['status'], ['serve', '--print-config'], ['serve', '--check-config'], ['version']]) {
    const place = argv[0] === 'status' ? ['--config', daemon.configPath, '--state-dir', daemon.stateDir] : [];
    const ran = await full(...argv, ...place);
    assert.equal(ran.code, 1, argv.join(' '));
    assert.match(ran.stderr, /^sboxagent: stdout cannot be written to: .*ENOSPC/);
  }
  // What failed before there was anything to print has its own code.
  const nobody = await full('status', '--target', '127.0.0.1:1');
  assert.equal(nobody.code, 3);
  assert.match(nobody.stderr, /no agent answers/);
});

test('SIGTERM ends it with 0', async () => {
  assert.equal(await daemon.kill('SIGTERM'), 0);
});
