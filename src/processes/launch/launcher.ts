import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { getSystemErrorName } from 'node:util';
import type { Clock } from '../../kernel/clock.ts';
import { findBinary } from '../binary.ts';
import { markerEntry } from '../environment.ts';
import { type EndStatus, signalName } from '../exit-status.ts';
import { isAlive, readStat } from '../proc.ts';
import { retryWhileExhausted } from '../retry-while-exhausted.ts';
import { statusOfShim } from '../shim.ts';
import type { Spawned, SpawnRequest } from '../spawner.ts';
import { launcherArguments, launcherScript } from './script.ts';

/**
 * How often it is looked after, and the looks until silence counts: asked something, it must say anything at all by then, since a start beside a
 * hundred others waits for its turn. Looks are counted and not time: an agent that was stopped itself has looked once.
 */
const lookEveryMs = 1000;
const silentLooks = 4;
const looksBetweenPings = 5;
/** Of forks of a launcher that has ended. */
const lastWordsMs = 1000;
/** A run whose launcher is gone is looked after like an adopted one. */
const pollMs = 100;

/** It cannot be told by an answer whether the program was started; nothing will start it any more. */
export class LauncherLost extends Error {
  constructor() {
    super('the launcher ended before it answered');
  }
}

/** One launcher program. See launch/script.ts for what it does and says. */
export interface Launcher {
  /** Starts a program as `spawnProgram` does. Throws as that does, and LauncherLost. */
  spawn(request: SpawnRequest): Promise<Spawned>;
  /** Whether it has ever answered. */
  wasWell(): boolean;
  /** Ends it; what it has started goes on. */
  close(): void;
  /** Resolves when it can start nothing any more. */
  readonly gone: Promise<void>;
}

interface Pending {
  readonly request: SpawnRequest;
  resolve(spawned: Spawned): void;
  reject(error: Error): void;
}

interface Watched {
  readonly request: SpawnRequest;
  readonly leader: number;
  end(status: EndStatus): void;
}

/** Where Perl is; undefined where there is none: then the agent starts programs itself. */
export function findPerl(): string | undefined {
  return findBinary('perl', '/usr/bin:/bin', '/');
}

export function startLauncher(perl: string, clock: Clock): Launcher {
  // No variable of ours reaches it: PERL5OPT would run what it says.
  const child = spawn(perl, launcherArguments, { cwd: '/', env: {}, detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
  const { promise: gone, resolve: wentAway } = Promise.withResolvers<void>();
  const pending = new Map<string, Pending>();
  const running = new Map<string, Watched>();
  let asked = 0;
  let open = 0; // requests and pings that have no answer yet
  let looks = 0; // since it was heard last
  let well = false;
  let lost = false;

  const ask = (fields: readonly string[]): string => {
    const id = String(++asked);
    const request = frame([id, ...fields]); // which may be refused
    if (open === 0) looks = 0;
    open += 1;
    child.stdin?.write(request);
    return id;
  };
  const take = (line: string): void => {
    const [kind, id = '', ...rest] = line.split(' ');
    const waiting = pending.get(id);
    if (kind === 'P' || pending.delete(id)) open -= 1;
    if (kind === 'S' && waiting !== undefined) started(id, waiting, rest.map(Number));
    else if (kind === 'F') waiting?.reject(refusal(Number(rest[0]), rest[1] ?? ''));
    else if (kind === 'E') {
      waiting?.reject(new LauncherLost()); // its shim was killed before it could say whether it had started anything
      ended(id, Number(rest[0]));
    }
  };
  const started = (id: string, { request, resolve }: Pending, [leader = 0, pid = 0, joined = 0]: readonly number[]): void => {
    const { promise, resolve: end } = Promise.withResolvers<EndStatus>();
    running.set(id, { request, leader, end });
    resolve({ pid, leader, joined: joined === 1, ended: promise });
  };
  const ended = (id: string, status: number): void => {
    const run = running.get(id);
    running.delete(id);
    run?.end(statusOfShim(run.request, decodeWait(status)));
  };

  readLines(child, (line) => {
    looks = 0;
    well = true;
    take(line);
  });
  const stopLooking = clock.every(lookEveryMs, () => {
    looks += 1;
    if (open > 0 && looks >= silentLooks) child.kill('SIGKILL');
    else if (open === 0 && looks >= looksBetweenPings && running.size > 0) ask([]);
  });
  // Closed when it and all its forks that have not answered yet are gone: what was not answered by then never will be.
  const over = (): void => {
    if (lost) return;
    lost = true;
    stopLooking();
    for (const { reject } of pending.values()) reject(new LauncherLost());
    pending.clear();
    for (const run of running.values()) void orphaned(run, clock).then(run.end, () => run.end({ kind: 'unknown' }));
    running.clear();
    wentAway();
  };
  child.once('close', over);
  // A fork that is held up says nothing for long: what it says after this reaches nobody, so that it starts nothing.
  child.once('exit', () => {
    clock.after(lastWordsMs, () => {
      child.stdout?.destroy();
      over();
    });
  });
  child.once('error', over);
  child.unref();
  child.stdin?.write(measured(launcherScript));

  return {
    gone,
    wasWell: () => well,
    spawn(request) {
      const { promise, resolve, reject } = Promise.withResolvers<Spawned>();
      if (lost) reject(new LauncherLost());
      else pending.set(ask(fieldsOf(request)), { request, resolve, reject });
      return promise;
    },
    close() {
      running.clear(); // whose agent ends: nobody looks after them any more
      child.kill('SIGKILL');
    },
  };
}

function fieldsOf({ argv, env, cwd, runId, unitId, files, umask, group }: SpawnRequest): readonly string[] {
  const title = `${markerEntry(unitId, runId)} ${files.exit}`;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const settings = [title, group, files.exit, runId, umask.toString(8), cwd, files.stdout, files.stderr];
  return [...settings, String(argv.length), ...argv, ...variables];
}

/** A 32-bit length and the fields parted by NUL. Throws as `spawn` of Node does where a field has one itself. */
function frame(fields: readonly string[]): Buffer {
  const bad = fields.find((field) => field.includes('\0'));
  if (bad !== undefined) {
    throw Object.assign(new TypeError('an argument, a variable or a path has a NUL in it'), { code: 'ERR_INVALID_ARG_VALUE' });
  }
  return measured(Buffer.from(fields.join('\0')));
}

function measured(body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

function readLines({ stdin, stdout }: ChildProcess, take: (line: string) => void): void {
  stdin?.on('error', () => undefined); // its end is told by the other one
  let rest = '';
  const answers = stdout as (Readable & { unref?(): void }) | null;
  answers?.setEncoding('latin1');
  answers?.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(take);
  });
  answers?.on('error', () => undefined);
  for (const stream of [stdin, stdout] as readonly ({ unref?(): void } | null)[]) stream?.unref?.();
}

function refusal(errno: number, what: string): Error {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`${what}: ${code}`), { code, errno: -errno, syscall: what });
}

/** A status of wait(2). */
function decodeWait(status: number): EndStatus {
  const signal = status & 127;
  return signal === 0 ? { kind: 'code', code: status >> 8 } : { kind: 'signal', signal: signalName(signal) };
}

/** Resolves when the shim is gone; the launcher that would have told of it is. */
async function orphaned({ request, leader }: Watched, clock: Clock): Promise<EndStatus> {
  const stat = await retryWhileExhausted(clock, () => readStat(leader));
  if (stat !== undefined) while (isAlive(stat)) await clock.sleep(pollMs);
  return statusOfShim(request, { kind: 'unknown' });
}
