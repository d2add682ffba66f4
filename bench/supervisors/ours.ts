import { readFileSync } from 'node:fs';
import type { Daemon } from '../../test/helpers/daemon.ts';
import type { Lab } from '../lab.ts';
import type { Supervisor } from './types.ts';

async function call(daemon: Daemon, method: string, path: string, body?: unknown): Promise<void> {
  const { status, json } = await daemon.rest(method, `/api/v1/processes${path}`, body);
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(json)}`);
}

/** Of the daemon: its launcher. Of the launcher: the shims of its units. */
function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);
}

/** The delay of the policy is not what is measured: 0, and a burst that is never reached. */
const restart = { policy: 'always', base: '0s', jitter: 0, burst: 10_000 };

export async function openOurs(lab: Lab, command: readonly string[], ids: readonly string[]): Promise<Supervisor> {
  const unit = { command, restart, on_agent_exit: 'stop', stop: { signal: 'SIGKILL', grace: '2s' } };
  const daemon = await lab.daemon({ processes: { units: Object.fromEntries(ids.map((id) => [id, unit])) } });
  const servers = (): readonly number[] => [daemon.pid(), ...childrenOf(daemon.pid())];
  const start = (id: string): Promise<void> => call(daemon, 'POST', '', { id, wait_for: 'RUNNING' });
  const stop = (id: string): Promise<void> => call(daemon, 'DELETE', `/${id}`);
  return {
    name: 'sboxagent',
    livesMs: 0,
    pids: () => [...servers(), ...servers().slice(1).flatMap(childrenOf)],
    alone: servers,
    servers,
    start,
    stop,
    startAll: async (all) => void (await Promise.all(all.map(start))),
    stopAll: async (all) => void (await Promise.all(all.map(stop))),
  };
}
