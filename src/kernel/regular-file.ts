import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';

/** Why a file that is there is no text. */
export class FileFault extends Error {
  readonly kind: 'not_regular' | 'not_utf8';

  constructor(kind: FileFault['kind']) {
    super(kind === 'not_regular' ? 'it is no regular file' : 'it is not UTF-8');
    this.kind = kind;
  }
}

/**
 * The text of a regular file in UTF-8, its byte order mark included. `judge` sees the opened file before it is read, so that nobody swaps it in
 * between. Throws FileFault, what `judge` throws, or the file system's error.
 */
export function readRegularFile(path: string, judge: (stat: Stats) => void): string {
  // A named pipe must not hold anybody up.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new FileFault('not_regular');
    judge(stat);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(fd));
  } catch (error) {
    throw error instanceof TypeError ? new FileFault('not_utf8') : error;
  } finally {
    closeSync(fd);
  }
}
