import { textBytes, valueBytes } from '../kernel/wire-size.ts';
import type { LogEntry } from './types.ts';

export { messageBytes } from '../kernel/wire-size.ts';

/** Cursor, time, ids and tags of an entry. */
const overhead = 160;

/** What an entry counts as in a page or a message: about its wire form. */
export function entryBytes({ message, source, fields }: LogEntry): number {
  return overhead + textBytes(message) + textBytes(source) + (fields === undefined ? 0 : valueBytes(fields));
}
