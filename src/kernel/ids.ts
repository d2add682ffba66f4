import { randomBytes, randomFillSync } from 'node:crypto';
import { systemClock } from './clock.ts';

/** Crockford's base 32: no I, L, O, U. Sorted, so that ids sort by time. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

const randomMax = 1n << 80n;
// The last id of this thread: what makes `ulid` monotonic. Nothing else depends on it.
let lastMs = -1;
let lastRandom = 0n;

/**
 * A new ULID: 26 characters, 48 bits of wall-clock milliseconds and 80 random bits. Within one millisecond, and while the
 * clock stands behind the last id, the random part counts up, so that ids of one thread always rise.
 */
export function ulid(nowMs: number = systemClock.wallMs()): string {
  const ms = Math.max(Math.floor(nowMs), lastMs);
  const random = ms === lastMs ? lastRandom + 1n : BigInt(`0x${randomBytes(10).toString('hex')}`);
  const overflow = random >= randomMax;
  lastMs = overflow ? ms + 1 : ms;
  lastRandom = overflow ? 0n : random;
  return encode((BigInt(lastMs) << 80n) | lastRandom);
}

/**
 * An id of a ULID's shape made of the first 16 of `bytes` (a hash): the same bytes give the same id. Throws RangeError
 * on fewer than 16 bytes.
 */
export function ulidFrom(bytes: Uint8Array): string {
  if (bytes.length < 16) throw new RangeError('ulidFrom needs at least 16 bytes');
  return encode(BigInt(`0x${Buffer.from(bytes.subarray(0, 16)).toString('hex')}`));
}

/** Random bytes for ids that are no secrets, made many at a time: a call of the generator costs more than the rest of an id. */
const pool = Buffer.alloc(4096);
let poolAt = pool.length;

function randomHex(bytes: number): string {
  if (poolAt + bytes > pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  poolAt += bytes;
  return pool.toString('hex', poolAt - bytes, poolAt);
}

/** A new trace: 32 hex digits (W3C). */
export function newTraceId(): string {
  return randomHex(16);
}

/** A new span: 16 hex digits (W3C). */
export function newSpanId(): string {
  return randomHex(8);
}

/** A new secret of 256 random bits: `sbx_` and 43 characters of base64url. */
export function randomToken(): string {
  return `sbx_${randomBytes(32).toString('base64url')}`;
}

function encode(value: bigint): string {
  let text = '';
  for (let shift = 125n; shift >= 0n; shift -= 5n) text += alphabet[Number((value >> shift) & 31n)];
  return text;
}
