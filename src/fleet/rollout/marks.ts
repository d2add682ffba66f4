/** A set of places in a list, as few characters: one bit a place, in base64. */
export function hasMark(marks: string, place: number): boolean {
  const byte = Buffer.from(marks, 'base64')[place >> 3] ?? 0;
  return place >= 0 && (byte & (1 << (place & 7))) !== 0;
}

/** Places below 0 are of nobody, and change nothing. */
export function withMark(marks: string, place: number, on: boolean): string {
  if (place < 0) return marks;
  const before = Buffer.from(marks, 'base64');
  const bytes = Buffer.alloc(Math.max(before.length, (place >> 3) + 1));
  before.copy(bytes);
  const bit = 1 << (place & 7);
  bytes[place >> 3] = ((bytes[place >> 3] ?? 0) & ~bit) | (on ? bit : 0);
  return bytes.toString('base64');
}

export function countMarks(marks: string): number {
  let count = 0;
  for (const byte of Buffer.from(marks, 'base64')) for (let rest = byte; rest > 0; rest &= rest - 1) count += 1;
  return count;
}
