/** The first config of a unit: where there was no file, whether it waits to be started or has already failed for want of one. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeDaemon, root, until } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';

test('a config that is applied where there is none is written, and started where the unit is to be up', async (t) => {
  const binary = join(root, 'test/fixtures/processes/bin/sing-box');
  const unit = { engine: 'sing-box', binary, on_agent_exit: 'stop', apply: { ready_within: '5s', soak: '100ms' } };
  const units = { idle: { ...unit, config_path: 'idle.json' }, eager: { ...unit, config_path: 'eager.json', autostart: true } };
  const daemon = await makeDaemon({ config: { processes: { units } } });
  t.after(() => daemon.dispose());
  await daemon.start();
  const view = async (id: string) =>
    (await daemon.rest('GET', `/api/v1/processes/${id}`)).json as { state: string; config_revision: number };
  await until('its failure', async () => (await view('eager')).state === 'CRASH_LOOP');
  assert.equal((await view('idle')).state, 'STOPPED');
  for (const id of ['idle', 'eager']) {
    const listens = { type: 'mixed', tag: 'in', listen: '127.0.0.1', listen_port: await freePort() };
    const content = JSON.stringify({ log: { level: 'info' }, inbounds: [listens] });
    const judged = await daemon.rest('PUT', `/api/v1/processes/${id}/config`, { content, validate_only: true });
    assert.equal((judged.json as { result: string }).result, 'VALID', JSON.stringify(judged.json));
    const applied = await daemon.rest('PUT', `/api/v1/processes/${id}/config`, { content });
    assert.equal((applied.json as { result: string }).result, 'APPLIED', JSON.stringify(applied.json));
    assert.equal(readFileSync(join(daemon.dir, `${id}.json`), 'utf8'), content);
    const { state, config_revision: revision } = await view(id);
    // Who nobody wants up stays down.
    assert.deepEqual([state, revision > 0], [id === 'idle' ? 'STOPPED' : 'READY', true]);
  }
  const started = await daemon.rest('POST', '/api/v1/processes', { id: 'idle', wait_for: 'READY' });
  assert.equal((started.json as { state: string }).state, 'READY', JSON.stringify(started.json));
});
