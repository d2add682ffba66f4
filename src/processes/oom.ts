import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';

/** Tells the ends for want of memory from other SIGKILLs. */
export interface OomWatch {
  /** `before`: the run is older than this watch, so that its end may be too. */
  killed(pid: number, before: boolean): boolean;
}

const kernelFiles = { counts: '/proc/vmstat', log: '/dev/kmsg' };

/** The kernel's log is long; it is read only when the kernel has killed anything at all since the watch began. */
export function createOomWatch({ counts, log }: typeof kernelFiles = kernelFiles): OomWatch {
  const baseline = killCount(counts);
  return { killed: (pid, before) => (before || baseline === undefined || killCount(counts) !== baseline) && wasOomKilled(pid, log) };
}

/** Processes killed for want of memory since the boot; undefined where the kernel (before 4.13) does not count them. */
function killCount(counts: string): string | undefined {
  try {
    return /^oom_kill (\d+)$/m.exec(readFileSync(counts, 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}

/**
 * Whether the kernel says that it killed this process for want of memory: its log names the pid. False where that log may not
 * be read (it needs root, or kernel.dmesg_restrict=0): then an OOM kill shows as the SIGKILL that it is.
 */
function wasOomKilled(pid: number, log: string): boolean {
  let fd: number | undefined;
  try {
    fd = openSync(log, constants.O_RDONLY | constants.O_NONBLOCK);
    return scan(fd, new RegExp(`Killed process ${pid} `));
  } catch {
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** One read is one record, oldest first; the kernel's buffer is small, and the newest mention of a pid decides. */
function scan(fd: number, pattern: RegExp): boolean {
  const record = Buffer.alloc(8192);
  let found = false;
  for (let records = 0; records < 100_000; records++) {
    try {
      const length = readSync(fd, record);
      if (length <= 0) return found;
      found ||= pattern.test(record.toString('latin1', 0, length));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') return found; // EAGAIN: the end; EPIPE: overtaken by the kernel, go on
    }
  }
  return found;
}
