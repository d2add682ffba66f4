/**
 * What supervision costs: from the request to the first instruction of the child, and from its kill -9 to the first instruction of the next
 * one, beside a plain loop of spawn; the same, a hundred starts at once and a hundred units at rest beside pm2, supervisord and runit.
 * Ours starts by its launcher and through a shim, with output in files, and each step is an event.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../test/helpers/daemon.ts';
import type { Bench } from './bench.ts';
import type { Lab, Peer } from './lab.ts';
import { type Comparison, type Contender, type Round, repeat } from './measure.ts';
import { openSignalPipe, type SignalPipe } from './signal-pipe.ts';
import { openOurs } from './supervisors/ours.ts';
import { openPm2 } from './supervisors/pm2.ts';
import { openRunit } from './supervisors/runit.ts';
import { openSupervisord } from './supervisors/supervisord.ts';
import type { OpenSupervisor, Supervisor } from './supervisors/types.ts';

const perRound = 10;
const many = Array.from({ length: 100 }, (_, i) => `unit-${i}`);
const restMs = 5000;

/** A supervisor and the pipe by which its programs say that they run. */
interface Supervised {
  readonly supervisor: Supervisor;
  readonly pipe: SignalPipe;
}

/** CPU time of living processes, all threads, in microseconds: by the scheduler's own account, which has no ticks. */
function cpuUsOf(pids: readonly number[]): number {
  const ofThread = (path: string): number => {
    try {
      return Number(readFileSync(path, 'latin1').split(' ')[0]) / 1000;
    } catch {
      return 0;
    }
  };
  const threads = (pid: number): readonly string[] => (existsSync(`/proc/${pid}/task`) ? readdirSync(`/proc/${pid}/task`) : []);
  return pids.flatMap((pid) => threads(pid).map((task) => ofThread(`/proc/${pid}/task/${task}/schedstat`))).reduce((a, b) => a + b, 0);
}

/** Memory of processes where each shared page counts by its share, KiB. */
function memoryKiB(pids: readonly number[]): number {
  const pss = (pid: number): number => Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1] ?? 0);
  return pids.reduce((sum, pid) => sum + pss(pid), 0);
}

function gone(pid: number): Promise<unknown> {
  return until(
    `the end of ${pid}`,
    () => !existsSync(`/proc/${pid}`) || /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1')),
  );
}

function contender({ supervisor }: Supervised, round: () => Promise<Round>): Contender {
  const [pid = 0] = supervisor.pids();
  return { name: supervisor.name, pid, round };
}

function starts(of: Supervised): Contender {
  const { supervisor, pipe } = of;
  const once = async (): Promise<number> => {
    const said = pipe.next();
    const begin = performance.now();
    const asked = supervisor.start('target');
    const pid = await said;
    const took = performance.now() - begin;
    await asked;
    await supervisor.stop('target');
    await gone(pid);
    return took;
  };
  return contender(of, async () => {
    const before = cpuUsOf(supervisor.servers());
    const result = await repeat(perRound, once);
    return { ...result, cpuUs: cpuUsOf(supervisor.servers()) - before };
  });
}

function replacements(of: Supervised, livesMs: number): Contender {
  const { supervisor, pipe } = of;
  const round = async (): Promise<Round> => {
    const first = pipe.next();
    await supervisor.start('target');
    let child = await first;
    let cpuUs = 0;
    const result = await repeat(livesMs === 0 ? perRound : 3, async () => {
      await sleep(livesMs);
      const before = cpuUsOf(supervisor.servers());
      const next = pipe.next();
      const begin = performance.now();
      process.kill(child, 'SIGKILL');
      child = await next;
      const took = performance.now() - begin;
      cpuUs += cpuUsOf(supervisor.servers()) - before;
      return took;
    });
    await supervisor.stop('target');
    await gone(child);
    return { ...result, cpuUs };
  };
  return contender(of, round);
}

function startsAtOnce(of: Supervised): Contender {
  const { supervisor, pipe } = of;
  const round = async (): Promise<Round> => {
    const before = cpuUsOf(supervisor.pids());
    const said = pipe.take(many.length);
    const begin = performance.now();
    const asked = supervisor.startAll(many);
    const pids = await said;
    const value = performance.now() - begin;
    await asked;
    const cpuUs = cpuUsOf(supervisor.pids()) - before;
    await supervisor.stopAll(many);
    for (const pid of pids) await gone(pid);
    return { value, count: many.length, cpuUs };
  };
  return contender(of, round);
}

function rests(of: Supervised): Contender {
  const { supervisor } = of;
  const round = async (): Promise<Round> => {
    const [before, begin] = [cpuUsOf(supervisor.pids()), performance.now()];
    await sleep(restMs);
    const cpuUs = cpuUsOf(supervisor.pids()) - before;
    const seconds = (performance.now() - begin) / 1000;
    return { value: cpuUs / seconds / 10_000, count: seconds, cpuUs };
  };
  return contender(of, round);
}

/** Starts all of them for good. Answers what one costs in memory, KiB. */
async function populate({ supervisor, pipe }: Supervised): Promise<number> {
  const before = memoryKiB(supervisor.alone());
  const said = pipe.take(many.length);
  await supervisor.startAll(many);
  await said;
  await sleep(restMs);
  return (memoryKiB(supervisor.pids()) - before) / many.length;
}

function unitMemory(of: Supervised, kib: number): Contender {
  return contender(of, async () => ({ value: kib, count: 1, cpuUs: 0 }));
}

function makeTheirs(peer: Peer): Supervisor {
  return {
    name: 'plain spawn',
    livesMs: 0,
    pids: () => [peer.pid],
    alone: () => [peer.pid],
    servers: () => [peer.pid],
    start: async () => peer.send({ do: 'start' }),
    stop: async () => void (await peer.ask({ do: 'stop' })),
    startAll: () => Promise.reject(new Error('it has one')),
    stopAll: () => Promise.reject(new Error('it has one')),
  };
}

/** A program that says its pid and sleeps, and where it says it. */
function makeProgram(lab: Lab, dir: string): { readonly command: readonly [string, string]; readonly pipe: SignalPipe } {
  const pipe = openSignalPipe(join(dir, 'said'));
  lab.defer(pipe.close);
  const script = join(dir, 'program');
  writeFileSync(script, `echo $$ >'${join(dir, 'said')}'\nexec sleep 3600\n`);
  return { command: ['/bin/sh', script], pipe };
}

const perStart = { unit: 'ms', per: 'start' };
const startLoad = { title: 'start', load: 'request to first instruction; CPU with the stop' };
const replacementLoad = { title: 'kill to replacement', load: 'kill -9 to first instruction, no backoff' };

async function* besideOne(ours: Supervised, theirs: Supervised, kib: readonly [number, number]): AsyncGenerator<Comparison> {
  const { livesMs } = theirs.supervisor;
  const sides = (make: (of: Supervised) => Contender): Pick<Comparison, 'ours' | 'peer'> => ({ ours: make(ours), peer: make(theirs) });
  yield { title: '100 units at rest', load: `CPU over ${restMs / 1000} s`, unit: '% of a core', per: 'second', rounds: 2, ...sides(rests) };
  yield {
    ...{ title: 'memory of a unit', load: 'of 100, with what is kept beside each', unit: 'KiB', per: 'unit', rounds: 1 },
    ...{ ours: unitMemory(ours, kib[0]), peer: unitMemory(theirs, kib[1]) },
  };
  await theirs.supervisor.stopAll(many);
  yield { ...startLoad, ...perStart, ...sides(starts) };
  yield { ...replacementLoad, ...perStart, ...sides((of) => replacements(of, livesMs)) };
}

export const supervise: Bench = async function* (lab) {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-bench-'));
  lab.defer(() => rmSync(dir, { recursive: true, force: true }));
  const own = (name: string): string => {
    const path = join(dir, name);
    mkdirSync(path);
    return path;
  };
  const ids = ['target', ...many];
  const program = makeProgram(lab, own('ours'));
  const ours = { supervisor: await openOurs(lab, program.command, ids), pipe: program.pipe };
  const spawned = makeProgram(lab, own('spawn'));
  const plain = { supervisor: makeTheirs(await lab.peer('spawn-loop', { command: spawned.command })), pipe: spawned.pipe };
  yield { ...startLoad, ...perStart, ours: starts(ours), peer: starts(plain) };
  yield { ...replacementLoad, ...perStart, ours: replacements(ours, 0), peer: replacements(plain, 0) };
  const openers: Readonly<Record<string, OpenSupervisor>> = { pm2: openPm2, supervisord: openSupervisord, runit: openRunit };
  let kib: number | undefined;
  for (const [name, open] of Object.entries(openers)) {
    const peerDir = own(name);
    const { command, pipe } = makeProgram(lab, peerDir);
    const theirs = { supervisor: await open({ dir: peerDir, command: [...command], ids, defer: lab.defer }), pipe };
    if (kib !== undefined) await ours.supervisor.stopAll(many);
    yield {
      title: '100 starts at once',
      load: 'until all have run',
      ...perStart,
      rounds: 3,
      ours: startsAtOnce(ours),
      peer: startsAtOnce(theirs),
    };
    const now = await populate(ours);
    // Later ones find a heap that has grown already.
    kib ??= now;
    yield* besideOne(ours, theirs, [kib, await populate(theirs)]);
  }
};
