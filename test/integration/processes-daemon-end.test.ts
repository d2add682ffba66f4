/** The end of the daemon, whatever it has adopted: in its time, with what is kept left running. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';

interface Listed {
  readonly id: string;
  readonly state: string;
  readonly pid: number;
}

async function list(daemon: Daemon): Promise<ReadonlyMap<string, Listed>> {
  const { json } = await daemon.rest('GET', '/api/v1/processes');
  return new Map((json as { processes: readonly Listed[] }).processes.map((one) => [one.id, one]));
}

function lives(pid: number): boolean {
  try {
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** An engine that never says that it has started, and listens nowhere. */
const slowEngine = '#!/bin/sh\n[ "$1" = check ] && exit 0\ntrap "" TERM\nwhile :; do sleep 0.2; done\n';

test('a daemon that adopted kept programs, one of them STARTING, ends on SIGTERM in its time, life after life', {
  timeout: 60_000,
}, async (t) => {
  const units = {
    keep: { command: ['/bin/sleep', '300'], autostart: true, on_agent_exit: 'keep' },
    stubborn: { command: ['/bin/sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done'], autostart: true, stop: { grace: '500ms' } },
    edge: {
      engine: 'sing-box',
      binary: '',
      config_path: '',
      autostart: true,
      probes: { startup: { log: { pattern: 'never' }, period: '1s', failure_threshold: 600 } },
    },
  };
  const daemon = await makeDaemon({ config: {} });
  t.after(() => daemon.dispose());
  units.edge.binary = join(daemon.dir, 'sing-box');
  units.edge.config_path = join(daemon.dir, 'edge.json');
  writeFileSync(units.edge.binary, slowEngine);
  chmodSync(units.edge.binary, 0o755);
  writeFileSync(units.edge.config_path, '{}');
  const config = JSON.parse(readFileSync(daemon.configPath, 'utf8'));
  writeFileSync(daemon.configPath, JSON.stringify({ ...config, processes: { units } }));
  const pids = new Map<string, number>();
  t.after(() => {
    for (const pid of pids.values()) if (lives(pid)) process.kill(pid, 'SIGKILL');
  });
  for (let life = 1; life <= 3; life++) {
    await daemon.start();
    const up = await until('all units', async () => {
      const listed = await list(daemon);
      const states = [...listed.values()].map((one) => `${one.id} ${one.state}`).sort();
      return states.join() === 'edge STARTING,keep READY,stubborn READY' && [...listed.values()].every((one) => one.pid > 0) && listed;
    });
    for (const id of ['keep', 'edge']) {
      const pid = up.get(id)?.pid ?? 0;
      assert.equal(pids.get(id) ?? pid, pid, `${id} is the one of before in life ${life}`);
      pids.set(id, pid);
    }
    const stubborn = up.get('stubborn')?.pid ?? 0;
    const began = performance.now();
    assert.equal(await daemon.kill('SIGTERM'), 0);
    t.diagnostic(`life ${life}: ${Math.round(performance.now() - began)} ms`);
    assert.ok(!lives(stubborn), 'what is to be stopped is gone');
    for (const [id, pid] of pids) assert.ok(lives(pid), `${id} goes on`);
  }
});
