import { constants } from 'node:buffer';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { crc32, deflateRaw, gunzip, inflateRaw } from 'node:zlib';
import { seqAt } from './entry.ts';

/**
 * A compressed file of entries is an ordinary .gz (zcat reads it) of many members, each a block of whole lines, so that one block can be unpacked
 * without those before it. The last member is empty; its extra field (RFC 1952, 2.3.1.1) is the index: where each block begins and its first seq.
 */

/** Bytes of lines in one block; more where the index would pass what an extra field holds. */
const blockBytes = 64 << 10;
const maxBlocks = 2048;
const headerBytes = 10;
const trailerBytes = 8;
const indexEntryBytes = 12;
const newline = 10;
const packBlock = promisify(deflateRaw);
const unpackBlock = promisify(inflateRaw);

export interface Block {
  readonly offset: number;
  readonly length: number;
  readonly firstSeq: number;
}

/** A compressed file, opened. */
export interface Packed {
  /** Oldest first. */
  readonly blocks: readonly Block[];
  read(block: Block): Promise<Buffer>;
  close(): Promise<void>;
}

/** Writes `<plain>.gz` beside a file and takes that away. Answers the size of the new one. Throws the error of the disk; the plain one then stays. */
export async function packFile(plain: string): Promise<number> {
  const packed = `${plain}.gz`;
  const from = await open(plain, 'r');
  const to = await open(`${packed}.tmp`, 'w', 0o600);
  let size: number;
  try {
    size = await packAll(from, to);
  } catch (error) {
    await to.close();
    await rm(`${packed}.tmp`, { force: true });
    throw error;
  } finally {
    await from.close();
  }
  await to.close();
  await rename(`${packed}.tmp`, packed);
  await rm(plain, { force: true });
  return size;
}

async function packAll(from: FileHandle, to: FileHandle): Promise<number> {
  const total = (await from.stat()).size;
  const step = Math.max(blockBytes, Math.ceil(total / maxBlocks));
  const index: { offset: number; firstSeq: number }[] = [];
  let offset = 0;
  let position = 0;
  // One buffer for all blocks: fresh ones would pile up until the garbage collector comes, ten megabytes of them a file.
  let buffer = Buffer.allocUnsafeSlow(Math.min(step, total));
  for (let length = step; position < total; ) {
    if (buffer.length < Math.min(length, total - position)) buffer = Buffer.allocUnsafeSlow(Math.min(length, total - position));
    const { bytesRead } = await from.read(buffer, 0, Math.min(length, total - position), position);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(newline) + 1;
    if (end === 0 && position + length < total && bytesRead > 0) {
      // One line is longer than the block.
      length *= 2;
      continue;
    }
    if (end === 0) break;
    const member = await packMember(buffer.subarray(0, end));
    index.push({ offset, firstSeq: seqAt(buffer, 0) });
    await to.writeFile(member);
    offset += member.length;
    position += end;
    length = step;
  }
  const last = indexMember(index);
  await to.writeFile(last);
  return offset + last.length;
}

async function packMember(lines: Buffer): Promise<Buffer> {
  return Buffer.concat([header(0), await packBlock(lines), trailer(crc32(lines), lines.length)]);
}

function header(flags: number): Buffer {
  return Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 0xff]);
}

function trailer(checksum: number, length: number): Buffer {
  const bytes = Buffer.alloc(trailerBytes);
  bytes.writeUInt32LE(checksum, 0);
  bytes.writeUInt32LE(length, 4);
  return bytes;
}

/** The extra field ends with the number of its blocks, so that it can be found from the end of the file. */
function indexMember(index: readonly { readonly offset: number; readonly firstSeq: number }[]): Buffer {
  const data = Buffer.alloc(index.length * indexEntryBytes + 4);
  index.forEach(({ offset, firstSeq }, i) => {
    data.writeUInt32LE(offset, i * indexEntryBytes);
    data.writeBigUInt64LE(BigInt(firstSeq), i * indexEntryBytes + 4);
  });
  data.writeUInt32LE(index.length, index.length * indexEntryBytes);
  const extra = Buffer.alloc(6);
  extra.writeUInt16LE(data.length + 4, 0);
  extra.write('sb', 2, 'latin1');
  extra.writeUInt16LE(data.length, 4);
  return Buffer.concat([header(4), extra, data, Buffer.from([3, 0]), trailer(0, 0)]);
}

export async function openPacked(path: string): Promise<Packed> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const blocks = await readIndex(handle, size);
    if (blocks === undefined) return await openWhole(handle, size);
    return {
      blocks,
      async read({ offset, length }) {
        const member = await readExactly(handle, offset, length);
        return unpackBlock(member.subarray(headerBytes, member.length - trailerBytes));
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readIndex(handle: FileHandle, size: number): Promise<readonly Block[] | undefined> {
  const tail = await readExactly(handle, Math.max(0, size - (64 << 10)), Math.min(size, 64 << 10));
  const end = tail.length - trailerBytes - 2;
  if (end < 4) return undefined;
  const count = tail.readUInt32LE(end - 4);
  const start = end - 4 - count * indexEntryBytes;
  const head = start - 6 - headerBytes;
  if (head < 0 || tail.toString('latin1', start - 4, start - 2) !== 'sb' || tail.readUInt16LE(head) !== 0x8b1f) return undefined;
  const indexAt = size - tail.length + head;
  const entries = Array.from({ length: count }, (_, i) => ({
    offset: tail.readUInt32LE(start + i * indexEntryBytes),
    firstSeq: Number(tail.readBigUInt64LE(start + i * indexEntryBytes + 4)),
  }));
  return entries.map(({ offset, firstSeq }, i) => ({ offset, firstSeq, length: (entries[i + 1]?.offset ?? indexAt) - offset }));
}

/** A file of an earlier version: one member without an index. */
async function openWhole(handle: FileHandle, size: number): Promise<Packed> {
  const bytes = await promisify(gunzip)(await readExactly(handle, 0, size), { maxOutputLength: constants.MAX_LENGTH });
  await handle.close();
  const block = { offset: 0, length: size, firstSeq: seqAt(bytes, 0) };
  return { blocks: bytes.length === 0 ? [] : [block], read: () => Promise.resolve(bytes), close: () => Promise.resolve() };
}

async function readExactly(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
