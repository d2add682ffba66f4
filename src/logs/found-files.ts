import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface LogFile {
  readonly firstSeq: number;
  gzip: boolean;
  bytes: number;
  lastWriteMs: number;
  /** It is being removed. */
  leaving?: boolean;
}

export function fileName(file: LogFile): string {
  return `${String(file.firstSeq).padStart(16, '0')}.ndjson${file.gzip ? '.gz' : ''}`;
}

/** What lies there; leftovers of an interrupted compression go, and the end of the newest file is made whole. */
export async function findFiles(dir: string): Promise<LogFile[]> {
  const files: LogFile[] = [];
  const names = (await readdir(dir)).sort();
  for (const name of names) {
    const match = /^(\d{16})\.ndjson(\.gz)?$/.exec(name);
    if (!match || (!match[2] && names.includes(`${name}.gz`))) {
      if (name.endsWith('.tmp') || match) await rm(join(dir, name), { force: true });
      continue;
    }
    const { size, mtimeMs } = await stat(join(dir, name));
    files.push({ firstSeq: Number(match[1]), gzip: match[2] !== undefined, bytes: size, lastWriteMs: mtimeMs });
  }
  const newest = files.at(-1);
  if (newest && !newest.gzip) newest.bytes = await makeWhole(join(dir, fileName(newest)), newest.bytes);
  return files;
}

/** Cuts off a last line without its line feed (the agent was killed while it wrote). Answers the size. */
async function makeWhole(path: string, size: number): Promise<number> {
  const handle = await open(path, 'r+');
  try {
    for (let end = size; end > 0; ) {
      const start = Math.max(0, end - 4096);
      const { buffer } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
      const index = buffer.lastIndexOf(10);
      if (index >= 0 || start === 0) {
        const whole = start + index + 1;
        if (whole < size) await handle.truncate(whole);
        return whole;
      }
      end = start;
    }
    return 0;
  } finally {
    await handle.close();
  }
}
