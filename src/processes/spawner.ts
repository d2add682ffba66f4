import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { systemClock } from '../kernel/clock.ts';
import { within } from '../kernel/within.ts';
import type { EndStatus } from './exit-status.ts';
import { readStat } from './proc.ts';
import { hasShell, type RunFiles, shell, shimArguments, statusOfShim } from './shim.ts';

export interface SpawnRequest {
  /** The first is an absolute path. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly unitId: string;
  readonly runId: string;
  /** Its spools are there, and empty. */
  readonly files: RunFiles;
  readonly umask: number;
  /** Directory of the cgroup that it joins; '' = it has none. */
  readonly group: string;
}

export interface Spawned {
  /** The program's own pid. */
  readonly pid: number;
  /** Leader of the process group: the shim, or the program itself where there is no shell. */
  readonly leader: number;
  /** Whether it is in the group of its unit. */
  readonly joined: boolean;
  /** Resolves when the leader has ended and was reaped. */
  readonly ended: Promise<EndStatus>;
}

/** Starts a program in a session of its own, its output appended to files, so that it needs nothing of the daemon. Throws what spawn throws. */
export async function spawnProgram(request: SpawnRequest): Promise<Spawned> {
  const [program = '', ...args] = request.argv;
  const viaShim = hasShell();
  const opened: number[] = [];
  const open = (path: string): number => {
    const fd = openSync(path, 'a', 0o600);
    opened.push(fd);
    return fd;
  };
  try {
    const { stdout, stderr } = request.files;
    const stdio = ['ignore' as const, open(stdout), open(stderr), ...(viaShim ? ['pipe' as const] : [])];
    const options = { cwd: request.cwd, env: { ...request.env }, detached: true, stdio };
    return await follow(
      viaShim ? spawn(shell, shimArguments(request), options) : spawnBare(program, args, { ...options, ...request }),
      request,
    );
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** Without a shell nobody sets the umask between fork and exec: the daemon lends its own for the moment. */
function spawnBare(program: string, args: readonly string[], options: SpawnOptions & { readonly umask: number }): ChildProcess {
  const own = process.umask(options.umask);
  try {
    return spawn(program, args, options);
  } finally {
    process.umask(own);
  }
}

async function follow(child: ChildProcess, request: SpawnRequest): Promise<Spawned> {
  const { promise: ended, resolve: end } = Promise.withResolvers<EndStatus>();
  const spawned = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.on('error', reject); // stays: an error that nobody hears ends the daemon
  });
  // Without a shell, or out of descriptors, there is no such stream.
  const pipe = child.stdio?.[3];
  const reported = pipe ? readReport(pipe as Readable) : undefined;
  child.once('exit', (code, signal) => {
    const own: EndStatus = signal === null ? { kind: 'code', code: code ?? 0 } : { kind: 'signal', signal };
    end(reported === undefined ? own : statusOfShim(request, own));
  });
  await spawned;
  child.unref();
  const leader = child.pid ?? 0;
  const { pid, joined } = (await reported) ?? { pid: leader, joined: false };
  return { pid, leader, joined, ended };
}

/** What the shim says over the pipe: the pid of the program, and 1 where it joined its group; undefined when it ended without a word. */
function readReport(pipe: Readable): Promise<{ readonly pid: number; readonly joined: boolean } | undefined> {
  return new Promise((resolve) => {
    let text = '';
    pipe.setEncoding('latin1');
    pipe.on('data', (chunk: string) => {
      text += chunk;
      if (!text.includes('\n')) return;
      const [pid, joined] = text.trim().split(' ');
      resolve({ pid: Number(pid), joined: joined === '1' });
      pipe.destroy();
    });
    pipe.once('close', () => resolve(undefined));
    pipe.once('error', () => resolve(undefined));
  });
}

/** Sends a signal to this very process; false when it is gone. */
export function signalProcess(target: { readonly pid: number; readonly startTicks: number }, signal: NodeJS.Signals): boolean {
  return isThere(target) && send(target.pid, signal);
}

/** Sends a signal to the whole group of a leader that is proven alive. */
export function signalGroup(leader: { readonly pid: number; readonly startTicks: number }, signal: NodeJS.Signals): boolean {
  return isThere(leader) && send(-leader.pid, signal);
}

/** Proven now: where nobody can look, nothing is signalled. */
function isThere(target: { readonly pid: number; readonly startTicks: number }): boolean {
  try {
    return readStat(target.pid)?.startTicks === target.startTicks;
  } catch {
    return false;
  }
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false; // gone between the look and the signal
  }
}

export interface AttachedRun {
  /** The first is an absolute path. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Kills the whole group when it fires; the promise then rejects with its reason. */
  readonly signal: AbortSignal;
  /** Asks the whole group to end (SIGTERM) when it fires. */
  readonly ask?: AbortSignal;
  /** Called with what it writes, as it comes. */
  readonly onOutput: (stream: 'STDOUT' | 'STDERR', chunk: Buffer) => void;
}

export interface AttachedEnd {
  readonly pid: number;
  /** undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly killedBy: NodeJS.Signals | undefined;
}

/** A stranger that holds the pipes open (it left the session) must not keep the caller longer than this. */
const lastWordsMs = 1000;

/**
 * Runs a program that the caller waits for: no shim, no record; its output comes by pipes. Nothing of its group is left at its end.
 * Throws what spawn throws.
 */
export async function runAttached({ argv, env, cwd, signal, ask, onOutput }: AttachedRun): Promise<AttachedEnd> {
  signal.throwIfAborted();
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { cwd, env: { ...env }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const { promise, resolve, reject } = Promise.withResolvers<AttachedEnd>();
  const listen = (stream: 'STDOUT' | 'STDERR', pipe: Readable | null): void => {
    pipe?.on('error', () => {}); // a broken pipe is its end
    pipe?.on('data', (chunk: Buffer) => onOutput(stream, chunk));
  };
  listen('STDOUT', child.stdout);
  listen('STDERR', child.stderr);
  const signalAll = (name: NodeJS.Signals): void => {
    if (child.pid !== undefined) send(-child.pid, name);
  };
  const leave = (): void => {
    signalAll('SIGKILL');
    reject(signal.reason);
  };
  const askAll = (): void => {
    if (child.exitCode === null && child.signalCode === null) signalAll('SIGTERM');
  };
  signal.addEventListener('abort', leave, { once: true });
  ask?.addEventListener('abort', askAll, { once: true });
  if (ask?.aborted) askAll();
  const closed = new Promise((close) => child.once('close', close));
  child.on('error', reject); // stays: an error that nobody hears ends the daemon
  child.once('exit', async (code, killedBy) => {
    signalAll('SIGKILL'); // what it left behind
    // What lies in the pipes is still to be read.
    await within(systemClock, lastWordsMs, closed);
    child.stdout?.destroy();
    child.stderr?.destroy();
    resolve({ pid: child.pid ?? 0, code: code ?? undefined, killedBy: killedBy ?? undefined });
  });
  return promise.finally(() => {
    signal.removeEventListener('abort', leave);
    ask?.removeEventListener('abort', askAll);
  });
}

export type BriefRun = Pick<AttachedRun, 'argv' | 'env' | 'cwd' | 'signal'>;

export interface BriefEnd {
  /** undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly killedBy: NodeJS.Signals | undefined;
  /** The last `keptOutput` characters of both streams. */
  readonly output: string;
}

/** What is kept of a brief run's output, in characters. */
const keptOutput = 4096;

/** Runs a program that is over in moments (a probe). Nothing of its group is left. Throws what spawn throws. */
export async function runBriefly(run: BriefRun): Promise<BriefEnd> {
  let output = '';
  const decoders = { STDOUT: new StringDecoder(), STDERR: new StringDecoder() };
  const { code, killedBy } = await runAttached({
    ...run,
    onOutput(stream, chunk) {
      output = (output + decoders[stream].write(chunk)).slice(-keptOutput);
    },
  });
  return { code, killedBy, output };
}
