/** Where a message is written before its length is known: one buffer for all, since nothing waits while a message is written. */

/** What one buffer is kept for; a larger message gets one of its own, which goes with it. */
const keptBytes = 64 * 1024;
const kept = Buffer.allocUnsafeSlow(keptBytes);

class Bytes {
  #buffer = kept;
  #at = 0;

  /** Begins anew, with `head` bytes left for whoever frames the message. */
  begin(head: number): void {
    this.#buffer = kept;
    this.#at = head;
  }

  /** A copy of what was written since `begin`, head included. */
  end(): Buffer {
    const copy = Buffer.allocUnsafe(this.#at);
    this.#buffer.copy(copy, 0, 0, this.#at);
    this.#buffer = kept;
    return copy;
  }

  #reserve(bytes: number): Buffer {
    const needed = this.#at + bytes;
    if (needed <= this.#buffer.length) return this.#buffer;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
    return larger;
  }

  /** A whole number below 2^53. */
  varint(value: number): void {
    const buffer = this.#reserve(10);
    let rest = value;
    while (rest > 0x7f_ff_ff_ff) {
      buffer[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      buffer[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[this.#at++] = rest;
  }

  /** 64 bits of any sign. */
  varint64(value: bigint): void {
    if (value >= 0n && value <= 0x1f_ffff_ffff_ffffn) {
      this.varint(Number(value));
      return;
    }
    const buffer = this.#reserve(10);
    let rest = BigInt.asUintN(64, value);
    for (; rest > 0x7fn; rest >>= 7n) buffer[this.#at++] = Number(rest & 0x7fn) | 0x80;
    buffer[this.#at++] = Number(rest);
  }

  double(value: number): void {
    this.#at = this.#reserve(8).writeDoubleLE(value, this.#at);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.byteLength).set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }

  /** Text with its length before it. */
  text(text: string): void {
    if (text.length < 0x80 && this.#ascii(text)) return;
    const bytes = Buffer.byteLength(text);
    this.varint(bytes);
    this.#reserve(bytes).write(text, this.#at, 'utf8');
    this.#at += bytes;
  }

  /** Most texts are short and plain: these are written faster letter by letter. */
  #ascii(text: string): boolean {
    const buffer = this.#reserve(text.length + 1);
    const start = this.#at + 1;
    for (let i = 0; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      buffer[start + i] = code;
    }
    buffer[this.#at] = text.length;
    this.#at = start + text.length;
    return true;
  }

  /** Begins a part whose length comes before it; answers what `close` is to be given. */
  open(): number {
    this.#reserve(1);
    this.#at += 1;
    return this.#at;
  }

  close(start: number): void {
    const length = this.#at - start;
    if (length < 0x80) {
      this.#buffer[start - 1] = length;
      return;
    }
    const more = length < 0x4000 ? 1 : length < 0x20_0000 ? 2 : length < 0x1000_0000 ? 3 : 4;
    this.#reserve(more).copyWithin(start + more, start, this.#at);
    const end = this.#at + more;
    this.#at = start - 1;
    this.varint(length);
    this.#at = end;
  }
}

/** The one place that everything is written to: a message is written from its first byte to its last without a wait. */
export const out = new Bytes();

/** The wire type of what has its length before it. */
export const lengthDelimited = 2;

/** What stands before a field: its number, and how its value ends. */
export function tagOf(number: number, wireType: number): number {
  return ((number << 3) | wireType) >>> 0;
}
