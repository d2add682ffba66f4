/** Where one message is read from: one place for all, since nothing waits while a message is read. */

/** Thrown where a message is none of the common kind: whoever reads it then asks the library. */
export const unusual = new Error('this message is for the library to read');

/** Thrown where only the library knows whether a message may be read at all. */
export const tooDeep = new Error('this message is deep');

/** Texts that are remembered, and how long they may be. */
const places = 64;
const longestRemembered = 128;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const beyondAscii = /[\u0080-\uffff]/;

/** Where a part ends that is read, to be given to `leave`. */
export interface Part {
  /** Of the part around it. */
  readonly end: number;
  /** Where it begins. */
  readonly at: number;
}

class Wire {
  #bytes: Buffer = Buffer.alloc(0);
  /** The bytes as letters: a part of it that is ASCII is text already. */
  #letters = '';
  #at = 0;
  #end = 0;
  readonly #remembered: string[] = Array.from({ length: places }, () => '');

  begin(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#letters = bytes.toString('latin1');
    this.#at = 0;
    this.#end = bytes.byteLength;
  }

  /** Lets go of the message. */
  forget(): void {
    this.#bytes = Buffer.alloc(0);
    this.#letters = '';
  }

  /** Where the part ends that is read. */
  get end(): number {
    return this.#end;
  }

  more(): boolean {
    return this.#at < this.#end;
  }

  byte(): number {
    if (this.#at >= this.#end) throw unusual;
    return this.#bytes[this.#at++] ?? 0;
  }

  expect(byte: number): void {
    if (this.byte() !== byte) throw unusual;
  }

  /** A varint below 2^53 that is not negative. */
  number(): number {
    let value = this.byte();
    if (value < 0x80) return value;
    value &= 0x7f;
    for (let factor = 0x80; factor <= 2 ** 42; factor *= 0x80) {
      const next = this.byte();
      value += (next & 0x7f) * factor;
      if (next < 0x80) return value;
    }
    throw unusual;
  }

  /** A number that an int32 can be and that is not negative. */
  int(): number {
    const value = this.number();
    if (value > 0x7fff_ffff) throw unusual;
    return value;
  }

  double(): number {
    if (this.#at + 8 > this.#end) throw unusual;
    this.#at += 8;
    return this.#bytes.readDoubleLE(this.#at - 8);
  }

  #length(): number {
    const length = this.number();
    if (this.#at + length > this.#end) throw unusual;
    return length;
  }

  /** Enters a part that has its length before it. */
  enter(): Part {
    const length = this.#length();
    const part = { end: this.#end, at: this.#at };
    this.#end = this.#at + length;
    return part;
  }

  /** To be called at the end of a part. */
  leave({ end }: Part): void {
    this.#end = end;
  }

  /** Goes on behind a part that somebody else has read. */
  leaveAt(at: number, { end }: Part): void {
    this.#at = at;
    this.#end = end;
  }

  /** A text, kept by itself: nothing of the message is kept with it. */
  text(): string {
    const length = this.#length();
    const start = this.#at;
    this.#at += length;
    const letters = this.#bytes.toString('latin1', start, this.#at);
    return beyondAscii.test(letters) ? this.#decode(start) : letters;
  }

  /** The same, where the message before had mostly the same text at this place: then it is that text. */
  repeatedText(place: number): string {
    const known = this.#remembered[place];
    const start = this.#at;
    const length = this.#length();
    if (known !== undefined && known.length === length && this.#letters.startsWith(known, this.#at)) {
      this.#at += length;
      return known;
    }
    this.#at = start;
    const text = this.text();
    if (length <= longestRemembered && text.length === length && place < places) this.#remembered[place] = text;
    return text;
  }

  /** The letters of a text: to be looked at and copied, not to be kept. `decoded` makes a text of them that is none in ASCII. */
  letters(): string {
    const length = this.#length();
    this.#at += length;
    return this.#letters.substring(this.#at - length, this.#at);
  }

  /** The text of the letters that were read last. */
  decoded(letters: string): string {
    return this.#decode(this.#at - letters.length);
  }

  #decode(start: number): string {
    try {
      return utf8.decode(this.#bytes.subarray(start, this.#at));
    } catch {
      throw unusual;
    }
  }

  /** Whether these letters stand anywhere in the message. */
  has(letters: string): boolean {
    return this.#letters.includes(letters);
  }
}

export const wire = new Wire();
