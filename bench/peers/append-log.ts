/**
 * A log with group commit: what comes while a commit is under way goes into the next one, which is one write and one
 * fdatasync. An append is answered when it is on the disk. At most as much waits as the callers have in flight.
 */
import { type FileHandle, open } from 'node:fs/promises';

export interface AppendLog {
  append(records: readonly Uint8Array[]): Promise<number>;
}

interface Waiting {
  readonly records: readonly Uint8Array[];
  readonly first: number;
  resolve(first: number): void;
  reject(error: unknown): void;
}

function header(record: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(4);
  out.writeUInt32BE(record.length, 0);
  return out;
}

async function commit(file: FileHandle, group: readonly Waiting[]): Promise<void> {
  const parts = group.flatMap(({ records }) => records.flatMap((record) => [header(record), record]));
  await file.write(Buffer.concat(parts));
  await file.datasync();
}

export async function openAppendLog(path: string): Promise<AppendLog> {
  const file = await open(path, 'a', 0o600);
  let waiting: Waiting[] = [];
  let committing = false;
  let next = 1;

  const drain = async (): Promise<void> => {
    committing = true;
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      try {
        await commit(file, group);
        for (const { resolve, first } of group) resolve(first);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    committing = false;
  };

  return {
    append: (records) =>
      new Promise((resolve, reject) => {
        waiting.push({ records, first: next, resolve, reject });
        next += records.length;
        if (!committing) void drain();
      }),
  };
}
