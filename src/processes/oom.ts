import { closeSync, constants, openSync, readSync } from 'node:fs';

/**
 * Whether the kernel says that it killed this process for want of memory: its log names the pid. False where that log may not
 * be read (it needs root, or kernel.dmesg_restrict=0): then an OOM kill shows as the SIGKILL that it is.
 */
export function wasOomKilled(pid: number): boolean {
  let fd: number | undefined;
  try {
    fd = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
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
