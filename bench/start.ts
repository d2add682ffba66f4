/**
 * From the spawn of the daemon to its first answer, and the memory that it holds when idle and after a load, beside a bare grpc-js server.
 * Each round of the start is a process of its own; its first ones fill the cache of compiled code, as the first start on a machine does.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDaemon, program } from '../test/helpers/daemon.ts';
import { watchers } from './audience.ts';
import type { Bench } from './bench.ts';
import { openGrpc } from './clients/grpc.ts';
import type { Lab } from './lab.ts';
import { type Contender, cpuUs, pump, type Round, repeat } from './measure.ts';

const path = '/sboxagent.v1.AgentService/GetStatus';
const nothing = new Uint8Array();
const concurrency = 32;
/** The agent gives memory back in quiet moments: this long after its start, or a load, there was one. */
const quietMs = 12_000;
const commandRuns = 5;
const watchersPerRound = 1000;

/** Resident memory of a process, MiB. */
export function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1024;
}

async function startDaemon(): Promise<Round> {
  const daemon = await makeDaemon();
  try {
    const before = performance.now();
    await daemon.start();
    return { value: performance.now() - before, count: 1, cpuUs: cpuUs(daemon.pid()) };
  } finally {
    await daemon.dispose();
  }
}

async function startPeer(lab: Lab, status: string): Promise<Round> {
  const before = performance.now();
  const peer = await lab.peer('grpc-bare', { status });
  const link = await openGrpc(peer.port);
  await link.unary(path, nothing);
  const round = { value: performance.now() - before, count: 1, cpuUs: cpuUs(peer.pid) };
  link.close();
  process.kill(peer.pid);
  return round;
}

/** An answer of the daemon, for the peer to give. */
async function statusOf(port: number, token: string): Promise<string> {
  const link = await openGrpc(port, token);
  const status = await link.unary(path, nothing);
  link.close();
  return status.toString('base64');
}

export const start: Bench = async function* (lab) {
  const daemon = await lab.daemon();
  const status = await statusOf(daemon.port, daemon.token());
  await daemon.dispose();
  const { pid } = process;
  yield {
    title: 'spawn to the first answer',
    load: 'a process each round; its CPU time until then',
    unit: 'ms',
    per: 'start',
    ours: { name: 'sboxagent', pid, round: startDaemon },
    peer: { name: 'bare grpc-js', pid, round: () => startPeer(lab, status) },
  };
};

/** A command that needs no agent, beside Node that does nothing: what the client itself costs. */
export const command: Bench = async function* () {
  const { pid } = process;
  const timed = (argv: readonly string[]) => async (): Promise<Round> => {
    const once = async (): Promise<number> => {
      const before = performance.now();
      await run(argv);
      return performance.now() - before;
    };
    const used = childrenCpuUs();
    const { value, count } = await repeat(commandRuns, once);
    return { value, count, cpuUs: childrenCpuUs() - used };
  };
  yield {
    title: 'a command of the client',
    load: 'version; node -p process.version',
    unit: 'ms',
    per: 'command',
    ours: { name: 'sboxagent', pid, round: timed([program, 'version']) },
    peer: { name: 'plain node', pid, round: timed([process.execPath, '-p', 'process.version']) },
  };
};

function run([file = '', ...args]: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(file, args, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** CPU time of this process's children that have ended: the 16th and 17th field of /proc/self/stat, in ticks of 10 ms. */
function childrenCpuUs(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10_000;
}

interface Side {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly token?: string;
}

function idle({ name, pid }: Side): Contender {
  return {
    name,
    pid,
    async round() {
      await sleep(100);
      return { value: residentMiB(pid), count: 1 };
    },
  };
}

async function loaded(lab: Lab, { name, pid, port, token }: Side): Promise<Contender> {
  const link = await openGrpc(port, token);
  lab.defer(() => link.close());
  const call = async (): Promise<number> => {
    await link.unary(path, nothing);
    return 1;
  };
  return {
    name,
    pid,
    async round() {
      const { count } = await pump({ concurrency, forMs: lab.roundMs, call });
      return { value: residentMiB(pid), count };
    },
  };
}

export const memory: Bench = async function* (lab) {
  const daemon = await lab.daemon();
  const peer = await lab.peer('grpc-bare', { status: await statusOf(daemon.port, daemon.token()) });
  const ours = { name: 'sboxagent', pid: daemon.pid(), port: daemon.port, token: daemon.token() };
  const theirs = { name: 'bare grpc-js', pid: peer.pid, port: peer.port };
  const common = { unit: 'MiB', per: 'look' };
  await sleep(quietMs);
  yield { ...common, title: 'resident memory, idle', load: `${quietMs / 1000} s after the start`, ours: idle(ours), peer: idle(theirs) };
  const [a, b] = [await loaded(lab, ours), await loaded(lab, theirs)];
  yield { ...common, title: 'resident memory, loaded', load: `GetStatus, ${concurrency} at once`, per: 'call', ours: a, peer: b };
};

/** What watchers that see nothing add, round upon round: none leaves, so that nothing is taken out of what others left behind. */
function idleWatchers(lab: Lab, { name, pid, port, token = '' }: Side): Contender {
  return {
    name,
    pid,
    async round() {
      const before = residentMiB(pid);
      const audience = await watchers(watchersPerRound, { port, token, perConnection: 100 });
      lab.defer(audience.close);
      return { value: ((residentMiB(pid) - before) * 1024) / watchersPerRound, count: watchersPerRound };
    },
  };
}

export const watcher: Bench = async function* (lab) {
  const daemon = await lab.daemon({ api: { streams: { max_connections: 50_000 } } });
  const broadcast = await lab.peer('grpc-broadcast');
  yield {
    title: 'memory of an idle watcher',
    load: `${watchersPerRound} more a round, on ten connections`,
    unit: 'KiB',
    per: 'watcher',
    ours: idleWatchers(lab, { name: 'sboxagent', pid: daemon.pid(), port: daemon.port, token: daemon.token() }),
    peer: idleWatchers(lab, { name: 'grpc-js broadcast', pid: broadcast.pid, port: broadcast.port }),
  };
};
