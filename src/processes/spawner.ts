import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { systemClock } from '../kernel/clock.ts';
import { within } from '../kernel/within.ts';
import { decodeShellStatus, type EndStatus } from './exit-status.ts';
import { readStat } from './proc.ts';

export interface SpawnRequest {
  /** The first is an absolute path. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly runId: string;
  readonly files: RunFiles;
}

/** Files of one unit under `<state_dir>/units/<id>/`; all 0600. */
export interface RunFiles {
  readonly directory: string;
  readonly stdout: string;
  readonly stderr: string;
  /** `<run id> <status>`, written by the shim when the program has ended. */
  readonly exit: string;
  /** What the shim's shell itself had to say. */
  readonly words: string;
  readonly record: string;
  /** What its probes have come to. */
  readonly probes: string;
}

export interface Spawned {
  /** The program's own pid. */
  readonly pid: number;
  /** Leader of the group: the shim, or the program itself where there is no shell. */
  readonly leader: number;
  /** Resolves when the leader has ended and was reaped. */
  readonly ended: Promise<EndStatus>;
}

/**
 * The shim leads the process group and outlives the daemon: it waits for the program and writes down how it ended. It traps
 * (and does not ignore) the signals that go to the whole group, so that it survives them and the program gets them with
 * their default action; for that the program must run in the foreground, where only a second shell can tell its pid (fd 3).
 */
const shim = `trap : HUP INT QUIT ALRM TERM USR1 USR2 PIPE
exit_file=$1; words=$2; run=$3; shift 3
exec 4>&2 2>"$words"
/bin/sh -c 'echo "$$" >&3; exec 3>&-; exec "$@" 2>&4 4>&-' program "$@"
status=$?
echo "$run $status" >"$exit_file"
exit "$status"`;

const shell = '/bin/sh';

function shellIsBash(): boolean {
  try {
    return realpathSync(shell).endsWith('/bash');
  } catch {
    return false;
  }
}

/** How the run ended by the shim's file; undefined when it wrote none (it was killed, or the run goes on). */
export function readExitFile(files: RunFiles, runId: string): EndStatus | undefined {
  try {
    const [run, status] = readFileSync(files.exit, 'utf8').trim().split(' ');
    if (run !== runId || status === undefined || !/^\d+$/.test(status)) return undefined;
    return decodeShellStatus(Number(status), readFileSync(files.words, 'utf8'), shellIsBash());
  } catch {
    return undefined;
  }
}

/** Starts a program in a session of its own, its output appended to files, so that it needs nothing of the daemon. Throws what spawn throws. */
export async function spawnProgram(request: SpawnRequest): Promise<Spawned> {
  const { argv, files, runId } = request;
  const [program = '', ...args] = argv;
  const viaShim = existsSync(shell);
  const opened: number[] = [];
  const open = (path: string): number => {
    const fd = openSync(path, 'a', 0o600);
    opened.push(fd);
    return fd;
  };
  try {
    for (const path of [files.exit, files.words]) writeFileSync(path, '', { mode: 0o600 });
    const stdio = ['ignore' as const, open(files.stdout), open(files.stderr), ...(viaShim ? ['pipe' as const] : [])];
    const options = { cwd: request.cwd, env: { ...request.env }, detached: true, stdio };
    const child = viaShim
      ? spawn(shell, ['-c', shim, 'sboxagent-shim', files.exit, files.words, runId, program, ...args], options)
      : spawn(program, args, options);
    return await follow(child, request, viaShim);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

async function follow(child: ChildProcess, request: SpawnRequest, viaShim: boolean): Promise<Spawned> {
  const { promise: ended, resolve: end } = Promise.withResolvers<EndStatus>();
  const spawned = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.on('error', reject); // stays: an error that nobody hears ends the daemon
  });
  // Out of descriptors, there are no streams at all.
  const pipe = viaShim ? child.stdio?.[3] : undefined;
  const reported = pipe ? readPid(pipe as Readable) : undefined;
  child.once('exit', (code, signal) => {
    const own: EndStatus = signal === null ? { kind: 'code', code: code ?? 0 } : { kind: 'signal', signal };
    end(viaShim ? (readExitFile(request.files, request.runId) ?? own) : own);
  });
  await spawned;
  child.unref();
  const leader = child.pid ?? 0;
  const pid = (await reported) ?? leader;
  return { pid, leader, ended };
}

/** The pid that comes over the pipe; undefined when the shim ended without one. */
function readPid(pipe: Readable): Promise<number | undefined> {
  return new Promise((resolve) => {
    let text = '';
    pipe.setEncoding('latin1');
    pipe.on('data', (chunk: string) => {
      text += chunk;
      if (!text.includes('\n')) return;
      resolve(Number.parseInt(text, 10));
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
