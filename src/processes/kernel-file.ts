import { closeSync, openSync, readSync } from 'node:fs';

/** One for all reads: they are synchronous, and what was read is text before the next. */
const scratch = Buffer.allocUnsafeSlow(16 << 10);

/**
 * The text of a file of /proc or /sys. Such a file has no size, and is read often and for many processes: `readFileSync` asks for the size
 * and allocates each time. Throws the file system's error.
 */
export function readKernelFile(path: string): string {
  const fd = openSync(path, 'r');
  try {
    for (let text = ''; ; ) {
      const length = readSync(fd, scratch, 0, scratch.length, null);
      if (length === 0) return text;
      text += scratch.toString('latin1', 0, length);
    }
  } finally {
    closeSync(fd);
  }
}
