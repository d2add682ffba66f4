import { closeSync, constants, fstatSync, fsync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { descriptorsRanOut } from './proc.ts';
import type { UnitRecord } from './unit-record.ts';

/**
 * The record of a unit lies in two files that are written in turn, each in place: a write that a kill cut short leaves the other one
 * whole, which is what was true before that step. Replacing one file by rename would do the same, but ext4 then waits for the disk
 * (auto_da_alloc), milliseconds of every start. A file holds the record as a line of JSON, the line's CRC-32, and blanks where an
 * earlier record was longer.
 */
export interface RecordFiles {
  readonly even: string;
  readonly odd: string;
}

export interface StoredRecord {
  readonly sequence: number;
  readonly record: UnitRecord;
}

const flush = promisify(fsync);

/** Survives a kill of the daemon at any moment; a loss of power once `syncRecord` was awaited. Throws what the disk refuses with. */
export function writeRecord(files: RecordFiles, { sequence, record }: StoredRecord): void {
  const line = JSON.stringify({ sequence, record });
  const path = pathOf(files, sequence);
  const fd = openForWriting(path);
  try {
    const text = Buffer.from(`${line}\n${crc32(line).toString(16)}\n`);
    const padding = Math.max(0, fstatSync(fd).size - text.length);
    writeSync(fd, padding === 0 ? text : Buffer.concat([text, Buffer.alloc(padding, ' ')]), 0, undefined, 0);
  } finally {
    closeSync(fd);
  }
}

function pathOf({ even, odd }: RecordFiles, sequence: number): string {
  return sequence % 2 === 0 ? even : odd;
}

/** The file that holds the record before the one of this number: where both are removed it goes first, so that a kill in between brings back nothing older. */
export function olderFile(files: RecordFiles, sequence: number): string {
  return pathOf(files, sequence - 1);
}

function openForWriting(path: string): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return openSync(path, flags, 0o600);
  }
}

/** Flushes the record of this number, and its name where that was not flushed before (`named`: of this unit, by this daemon). */
export async function syncRecord(files: RecordFiles, sequence: number, named: Set<string>): Promise<void> {
  const path = pathOf(files, sequence);
  await sync(path);
  if (named.has(path)) return;
  await sync(dirname(path));
  named.add(path);
}

/** The flush alone is handed to another thread: a file handle of promises costs thrice as much. */
async function sync(path: string): Promise<void> {
  const fd = openSync(path, 'r');
  try {
    await flush(fd);
  } finally {
    closeSync(fd);
  }
}

/** The newest that is whole; undefined when there is none. Throws when no descriptor is left to look with: that says nothing. */
export function readRecord(files: RecordFiles): StoredRecord | undefined {
  const [even, odd] = [readOne(files.even), readOne(files.odd)];
  if (even === undefined || odd === undefined) return even ?? odd;
  return even.sequence > odd.sequence ? even : odd;
}

function readOne(path: string): StoredRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (descriptorsRanOut(error)) throw error;
    return undefined;
  }
  const [line = '', sum = ''] = text.split('\n', 2);
  if (line === '' || crc32(line).toString(16) !== sum) return undefined;
  const stored = JSON.parse(line) as StoredRecord;
  return stored.record?.version === 2 ? stored : undefined;
}
