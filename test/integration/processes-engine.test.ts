import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { AgentError } from '../../src/kernel/errors.ts';
import { type Bench, bench, type Rig, start, unit, until } from '../fixtures/processes/rig.ts';
import { freePort } from '../helpers/free-port.ts';

const fixtures = fileURLToPath(new URL('../fixtures/processes/bin', import.meta.url));
const path = [fixtures, dirname(process.execPath), process.env['PATH']].join(delimiter);

function engine(b: Bench, config: object): Rig {
  const configPath = join(b.directory, 'config.json');
  writeFileSync(configPath, JSON.stringify(config));
  return b.rig([unit('edge', { engine: 'sing-box', configPath })], { path, environment: { ...process.env, PATH: path } });
}

test('an engine is STARTING until its mark, then READY, and reloads in its own way', async () => {
  await using b = bench();
  const { supervisor, story } = engine(b, { fake: { slow_start: 1500 } });
  const submitted = await supervisor.start('edge', { ...start, waitFor: 'SUBMITTED' });
  assert.equal(submitted.state, 'STARTING');
  assert.deepEqual(submitted.command.slice(1), ['run', '-c', join(b.directory, 'config.json'), '--disable-color']);
  await assert.rejects(supervisor.reload('edge'), (e: AgentError) => e.reason === 'PROCESS_NOT_READY');
  assert.deepEqual(story('edge'), ['starting']);
  assert.ok(await until(() => supervisor.get('edge').state === 'READY'));
  assert.deepEqual(story('edge'), ['starting', 'started', 'ready']);
  const { pid } = supervisor.get('edge');
  assert.equal((await supervisor.reload('edge')).pid, pid);
  await supervisor.stop('edge', {});
  assert.equal(supervisor.get('edge').exit?.code, 0);
});

test('at a quiet log level its open listeners prove the start', async () => {
  await using b = bench();
  const port = await freePort();
  const { supervisor } = engine(b, { log: { level: 'warn' }, inbounds: [{ type: 'mixed', listen: '127.0.0.1', listen_port: port }] });
  const began = performance.now();
  const view = await supervisor.start('edge', { ...start, waitFor: 'READY' });
  assert.equal(view.state, 'READY');
  assert.ok(performance.now() - began < 10_000, 'it did not wait for a mark');
});

test('without mark and listeners it counts as started after a second', async () => {
  await using b = bench();
  const { supervisor } = engine(b, { log: { level: 'warn' } });
  const began = performance.now();
  assert.equal((await supervisor.start('edge', start)).state, 'READY');
  assert.ok(performance.now() - began >= 1000);
});

test('a start that fails while someone waits tells the exit and the last lines', async () => {
  await using b = bench();
  const { supervisor, event } = engine(b, { fatal: 'decode config: unknown field "x"' });
  await assert.rejects(supervisor.start('edge', start), (error: AgentError) => {
    assert.equal(error.reason, 'START_FAILED');
    assert.match(error.message, /exit code 1[\s\S]*unknown field "x"/);
    return true;
  });
  assert.equal(event('edge', 'exited')?.data?.['code'], 1);
});

test('a stop ends a start that is not proved yet', async () => {
  await using b = bench();
  const { supervisor } = engine(b, {});
  const starting = supervisor.start('edge', start);
  const refused = assert.rejects(starting, (e: AgentError) => e.reason === 'START_FAILED');
  assert.ok(await until(() => supervisor.get('edge').pid > 0));
  assert.equal((await supervisor.stop('edge', {})).state, 'STOPPED');
  await refused;
});
