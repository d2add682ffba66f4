import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { readKernelFile } from './kernel-file.ts';

/** What /proc/PID/stat says; see proc_pid_stat(5). */
export interface ProcStat {
  readonly pid: number;
  /** State letter: `Z` and `X` are dead. */
  readonly state: string;
  readonly ppid: number;
  readonly group: number;
  /** User and system time, in clock ticks. */
  readonly cpuTicks: number;
  /** The same of its children that it has waited for. */
  readonly childTicks: number;
  readonly threads: number;
  readonly residentBytes: number;
  /** Field 22: with the pid and the boot id it names one process for good. */
  readonly startTicks: number;
}

/** Linux reports times to user space in hundredths of a second, whatever the kernel's own rate is. */
export const ticksPerSecond = 100;

function read(path: string): string | undefined {
  try {
    return readKernelFile(path);
  } catch (error) {
    if (descriptorsRanOut(error)) throw error; // says nothing about the process
    return undefined; // gone meanwhile, or not ours to read
  }
}

export function descriptorsRanOut(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM';
}

/** The name in parentheses may hold spaces and parentheses: fields are counted from the last one. */
export function parseStat(text: string): ProcStat | undefined {
  const end = text.lastIndexOf(')');
  const pid = Number.parseInt(text, 10);
  if (end < 0 || !Number.isSafeInteger(pid)) return undefined;
  const f = text.slice(end + 2).split(' ');
  const n = (field: number): number => Number(f[field - 3] ?? 0);
  const state = f[0] ?? '';
  const [cpuTicks, childTicks] = [n(14) + n(15), n(16) + n(17)];
  return {
    pid,
    state,
    ppid: n(4),
    group: n(5),
    cpuTicks,
    childTicks,
    threads: n(20),
    startTicks: n(22),
    residentBytes: n(24) * pageBytes(),
  };
}

let ownPageBytes: number | undefined;

/** The size of a page of memory, by what the kernel told this process of itself (getauxval(3)); read once. */
function pageBytes(): number {
  ownPageBytes ??= readPageBytes();
  return ownPageBytes;
}

function readPageBytes(): number {
  const pageSizeEntry = 6n;
  try {
    const auxv = readFileSync('/proc/self/auxv');
    for (let at = 0; at + 16 <= auxv.length; at += 16) {
      if (auxv.readBigUInt64LE(at) === pageSizeEntry) return Number(auxv.readBigUInt64LE(at + 8));
    }
  } catch {
    // No /proc: then there is nothing to count in pages either.
  }
  return 4096;
}

/** Undefined when there is no such process, or only its zombie. Throws when no descriptor is left to look with. */
export function readStat(pid: number): ProcStat | undefined {
  const text = read(`/proc/${pid}/stat`);
  const stat = text === undefined ? undefined : parseStat(text);
  return stat === undefined || stat.state === 'Z' || stat.state === 'X' ? undefined : stat;
}

/** Whether this very process lives: not another one that got its pid, and not its zombie. True while nobody can tell. */
export function isAlive(process: { readonly pid: number; readonly startTicks: number }): boolean {
  try {
    return readStat(process.pid)?.startTicks === process.startTicks;
  } catch {
    return true;
  }
}

/** Whether the program has a handler of its own for the signal (`SigCgt` of proc_pid_status(5)). */
export function catchesSignal(pid: number, signal: NodeJS.Signals): boolean {
  const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  if (mask === undefined) return false;
  return (BigInt(`0x${mask}`) & (1n << BigInt(constants.signals[signal] - 1))) !== 0n;
}

let boot: string | undefined;

/** Names this boot of the machine; read once, because it cannot change under a living daemon. '' where it cannot be read. */
export function bootId(): string {
  boot ??= read('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
  return boot;
}

export function executableOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}

/** Whether `entry` (`NAME=value`) stands in the environment that the process was started with. */
export function hasEnvironment(pid: number, entry: string): boolean {
  const environ = read(`/proc/${pid}/environ`);
  return environ !== undefined && `\0${environ}`.includes(`\0${Buffer.from(entry).toString('latin1')}\0`);
}

/** Whether it lives and is not its program yet: still the copy of its shim that it was born as, or (without any words) just becoming it. */
export function isBeforeExec(pid: number, shim: number): boolean {
  const words = read(`/proc/${pid}/cmdline`);
  if (words === undefined) return false;
  if (words === '') return readStat(pid) !== undefined;
  return words === read(`/proc/${shim}/cmdline`);
}

/** Whether it is of the run with this mark: by its environment, or (a shim of the launcher has none of its own) by its title. */
export function carriesMark(pid: number, mark: string): boolean {
  return hasEnvironment(pid, mark) || read(`/proc/${pid}/cmdline`)?.split(/[\0 ]/, 2)[1] === mark;
}

/** Every living process. Gives the event loop a turn now and then: a busy machine has thousands. */
export async function processTable(): Promise<readonly ProcStat[]> {
  const table: ProcStat[] = [];
  let looked = 0;
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    if (++looked % 128 === 0) await nextTurn();
    const stat = readStat(pid);
    if (stat !== undefined) table.push(stat);
  }
  return table;
}
