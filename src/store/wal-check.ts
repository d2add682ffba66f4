import { existsSync, readFileSync } from 'node:fs';

const headerBytes = 32;
const frameHeaderBytes = 24;

interface Frame {
  /** Offset of its header. */
  readonly at: number;
  readonly sameSalt: boolean;
  readonly commit: boolean;
}

/**
 * Whether a write-ahead log lost transactions that had reached the disk. SQLite itself ends recovery at the first bad
 * frame without a word, so that acknowledged records would vanish in silence. With synchronous=FULL a transaction is
 * synced before the next begins: a bad frame that is followed by a commit and by the beginning of a further transaction
 * is damage; a bad tail is only a write that never finished.
 * Format: https://www.sqlite.org/fileformat2.html#walformat
 */
export function isWalDamaged(walPath: string): boolean {
  if (!existsSync(walPath)) return false;
  const wal = readFileSync(walPath);
  if (wal.length < headerBytes + frameHeaderBytes) return false;
  const pageBytes = wal.readUInt32BE(8);
  const big = (wal.readUInt32BE(0) & 1) === 1;
  const sum = checksum(wal.subarray(0, 24), [0, 0], big);
  const headerIsGood = wal.readUInt32BE(0) >>> 1 === 0x377f0682 >>> 1 && sum[0] === wal.readUInt32BE(24) && sum[1] === wal.readUInt32BE(28);
  if (!headerIsGood) return wal.subarray(0, headerBytes).some((byte) => byte !== 0);
  const frames = framesOf(wal, pageBytes);
  const bad = firstBad(wal, frames, { pageBytes, big, sum });
  const lostCommit = frames.findIndex((frame, i) => i >= bad && frame.sameSalt && frame.commit);
  return lostCommit >= 0 && frames[lostCommit + 1]?.sameSalt === true;
}

function framesOf(wal: Buffer, pageBytes: number): readonly Frame[] {
  const frames: Frame[] = [];
  for (let at = headerBytes; at + frameHeaderBytes + pageBytes <= wal.length; at += frameHeaderBytes + pageBytes) {
    const sameSalt = wal.compare(wal, 16, 24, at + 8, at + 16) === 0;
    frames.push({ at, sameSalt, commit: wal.readUInt32BE(at + 4) !== 0 });
  }
  return frames;
}

function firstBad(wal: Buffer, frames: readonly Frame[], log: { pageBytes: number; big: boolean; sum: readonly [number, number] }): number {
  let sum = log.sum;
  const bad = frames.findIndex(({ at, sameSalt }) => {
    sum = checksum(wal.subarray(at, at + 8), sum, log.big);
    sum = checksum(wal.subarray(at + frameHeaderBytes, at + frameHeaderBytes + log.pageBytes), sum, log.big);
    return !sameSalt || sum[0] !== wal.readUInt32BE(at + 16) || sum[1] !== wal.readUInt32BE(at + 20);
  });
  return bad < 0 ? frames.length : bad;
}

function checksum(bytes: Buffer, start: readonly [number, number], big: boolean): readonly [number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [a, b] = start;
  for (let i = 0; i + 8 <= bytes.length; i += 8) {
    a = (a + view.getUint32(i, !big) + b) >>> 0;
    b = (b + view.getUint32(i + 4, !big) + a) >>> 0;
  }
  return [a, b];
}
