/**
 * From the request to the first instruction of the child, and from its kill -9 to the first instruction of the next one,
 * beside a plain loop of spawn. Ours starts through its shim, with output in files, and each step is an event.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Daemon } from '../test/helpers/daemon.ts';
import type { Bench } from './bench.ts';
import type { Lab, Peer } from './lab.ts';
import { type Contender, repeat } from './measure.ts';
import { openSignalPipe, type SignalPipe } from './signal-pipe.ts';

const PER_ROUND = 10;

interface Supervisor {
  readonly name: string;
  readonly pid: number;
  start(): Promise<unknown>;
  stop(): Promise<unknown>;
}

async function startOnce({ start, stop }: Supervisor, pipe: SignalPipe): Promise<number> {
  const said = pipe.next();
  const begin = performance.now();
  const asked = start();
  await said;
  const took = performance.now() - begin;
  await asked;
  await stop();
  return took;
}

function starts(supervisor: Supervisor, pipe: SignalPipe): Contender {
  const { name, pid } = supervisor;
  return { name, pid, round: () => repeat(PER_ROUND, () => startOnce(supervisor, pipe)) };
}

function replacements({ name, pid, start, stop }: Supervisor, pipe: SignalPipe): Contender {
  const round = async () => {
    const first = pipe.next();
    await start();
    let child = await first;
    const result = await repeat(PER_ROUND, async () => {
      const next = pipe.next();
      const begin = performance.now();
      process.kill(child, 'SIGKILL');
      child = await next;
      return performance.now() - begin;
    });
    await stop();
    return result;
  };
  return { name, pid, round };
}

async function call(daemon: Daemon, method: string, path: string, body?: unknown): Promise<void> {
  const { status, json } = await daemon.rest(method, `/api/v1/processes${path}`, body);
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(json)}`);
}

async function makeOurs(lab: Lab, command: readonly string[]): Promise<Supervisor> {
  // The delay of the policy is not what is measured: 0, and a burst that is never reached.
  const restart = { policy: 'always', base: '0s', jitter: 0, burst: 10_000 };
  const unit = { command, restart, stop: { signal: 'SIGKILL', grace: '2s' } };
  const daemon = await lab.daemon({ processes: { units: { target: unit } } });
  return {
    name: 'sboxagent',
    pid: daemon.pid(),
    start: () => call(daemon, 'POST', '', { id: 'target', wait_for: 'RUNNING' }),
    stop: () => call(daemon, 'DELETE', '/target'),
  };
}

function makeTheirs(peer: Peer): Supervisor {
  return {
    name: 'plain spawn',
    pid: peer.pid,
    start: async () => peer.tell({ do: 'start' }),
    stop: () => peer.ask({ do: 'stop' }),
  };
}

export const supervise: Bench = async function* (lab) {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-bench-'));
  lab.defer(() => rmSync(dir, { recursive: true, force: true }));
  const [pipe, peerPipe] = [openSignalPipe(join(dir, 'ours')), openSignalPipe(join(dir, 'theirs'))];
  lab.defer(pipe.close);
  lab.defer(peerPipe.close);
  const ours = await makeOurs(lab, pipe.command);
  const theirs = makeTheirs(await lab.peer('spawn-loop', { command: peerPipe.command }));
  const common = { unit: 'ms', per: 'start' };
  yield {
    ...common,
    title: 'start',
    load: 'request to first instruction; CPU with the stop',
    ours: starts(ours, pipe),
    peer: starts(theirs, peerPipe),
  };
  yield {
    ...common,
    title: 'kill to replacement',
    load: 'kill -9 to first instruction, no backoff',
    ours: replacements(ours, pipe),
    peer: replacements(theirs, peerPipe),
  };
};
