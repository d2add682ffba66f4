import { messageBytes } from '../kernel/wire-size.ts';
import type { ScanArgs, ScanResult } from './journal-scan.ts';
import { decodeBody } from './record.ts';
import type { Journal, StoredEvent } from './types.ts';

type Query = Parameters<Journal['list']>[0];

/**
 * One page of what is kept. Scans in bounded steps until the page is full, by number or by bytes, or the journal ends; damaged records are passed over.
 */
export async function listEvents(
  scan: (args: ScanArgs) => Promise<ScanResult>,
  { filter, order, pageSize, cursor, signal }: Query,
): ReturnType<Journal['list']> {
  const events: StoredEvent[] = [];
  let from = cursor ?? (order === 'asc' ? 0 : Number.MAX_SAFE_INTEGER);
  let room = messageBytes;
  for (;;) {
    signal?.throwIfAborted();
    // One more than the page is read: it says whether there is a next one.
    const step = await scan({ filter, order, from, limit: pageSize + 1 - events.length, room });
    for (const { revision, body } of step.events) events.push(decodeBody(revision, body));
    from = step.scanned;
    room -= step.bytes;
    if (step.full || events.length > pageSize) {
      const page = events.slice(0, pageSize);
      const last = page.at(-1);
      return last ? { events: page, nextCursor: last.revision } : { events: page };
    }
    if (step.done) return { events };
  }
}
