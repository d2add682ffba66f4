import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** How many numbers are taken at once: a crash skips at most so many. */
const block = 10_000;

export interface Sequence {
  /** The next number: greater than every one that was ever given out in this directory. */
  next(): number;
  /** The newest given out. */
  last(): number;
  /** Notes exactly where it stands. */
  save(): void;
}

/**
 * Strictly rising numbers over restarts, also when the newest entries are gone (retention, power loss): numbers are reserved in blocks in a file
 * before they are used, and a start goes on behind the reservation.
 */
export function openSequence(dir: string, newestStored: number): Sequence {
  const path = join(dir, 'seq');
  let last = Math.max(newestStored, readNumber(path));
  let reserved = last;
  const write = (value: number): void => {
    try {
      writeFileSync(`${path}.tmp`, String(value), { mode: 0o600 });
      renameSync(`${path}.tmp`, path);
    } catch {
      // A full disk: the entries themselves are then what a start goes on from.
    }
  };
  return {
    next() {
      last += 1;
      if (last > reserved) {
        reserved = last + block;
        write(reserved);
      }
      return last;
    },
    last: () => last,
    save() {
      reserved = last;
      write(last);
    },
  };
}

function readNumber(path: string): number {
  try {
    const value = Number(readFileSync(path, 'utf8'));
    return Number.isSafeInteger(value) && value > 0 ? value : 0;
  } catch {
    return 0;
  }
}
