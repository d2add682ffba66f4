import { randomBytes, randomFillSync } from 'node:crypto';
import { systemClock } from './clock.ts';

/** Crockford's base 32: no I, L, O, U. Sorted, so that ids sort by time. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

const base = alphabet.length;
/** Digits of the random part: 80 bits. */
const randomDigits = 16;
// The last id of this thread: what makes `ulid` monotonic. Nothing else depends on it.
let lastMs = -1;
let timeText = '';
const digits = new Uint8Array(randomDigits);
/** The id but for its last digit, which is all that differs between most ids of a millisecond. */
let beginning = '';

/**
 * A new ULID: 26 characters, 48 bits of wall-clock milliseconds and 80 random bits. Within one millisecond, and while the
 * clock stands behind the last id, the random part counts up, so that ids of one thread always rise.
 */
export function ulid(nowMs: number = systemClock.wallMs()): string {
  const ms = Math.floor(nowMs);
  if (ms > lastMs) beginAt(ms, randomDigit);
  else if (!countUp()) beginAt(lastMs + 1, () => 0);
  return beginning + alphabet[digits[randomDigits - 1] ?? 0];
}

function putTogether(): void {
  let text = timeText;
  for (let i = 0; i < randomDigits - 1; i++) text += alphabet[digits[i] ?? 0];
  beginning = text;
}

const randomDigit = (): number => (pool[draw(1)] ?? 0) % base;

function beginAt(ms: number, digit: () => number): void {
  lastMs = ms;
  timeText = timeDigits(ms);
  for (let i = 0; i < randomDigits; i++) digits[i] = digit();
  putTogether();
}

/** Ten digits of the milliseconds. */
function timeDigits(ms: number): string {
  let text = '';
  for (let rest = ms; text.length < 10; rest = Math.floor(rest / base)) text = `${alphabet[rest % base]}${text}`;
  return text;
}

/** False where the random part has no higher number. */
function countUp(): boolean {
  for (let i = randomDigits - 1; i >= 0; i--) {
    const digit = (digits[i] ?? 0) + 1;
    digits[i] = digit % base;
    if (digit < base) {
      if (i < randomDigits - 1) putTogether();
      return true;
    }
  }
  return false;
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

/** Where so many random bytes lie in the pool. */
function draw(bytes: number): number {
  if (poolAt + bytes > pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  poolAt += bytes;
  return poolAt - bytes;
}

function randomHex(bytes: number): string {
  const at = draw(bytes);
  return pool.toString('hex', at, at + bytes);
}

/** A new trace with its first span, in one draw. */
export function newTrace(): { readonly traceId: string; readonly spanId: string } {
  const hex = randomHex(24);
  return { traceId: hex.slice(0, 32), spanId: hex.slice(32) };
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
