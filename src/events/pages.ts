import { messageBytes } from '../kernel/wire-size.ts';
import type { ScanArgs, ScanResult } from './journal-scan.ts';
import { decodeBody } from './record.ts';
import type { RingFilter } from './ring.ts';
import type { EventFilter, WatchItem } from './types.ts';

/** What the journal holds after a revision, for a watcher that is not in the ring. */
export interface Page {
  /** Where the next page begins. */
  readonly cursor: number;
  /** Absent where nothing that the filter keeps was found so far. */
  readonly item?: WatchItem;
}

/** Events of one page. */
const pageEvents = 500;

/**
 * Reads pages of the journal for watchers. Those who ask for the same page while it is read share it: after a restart a thousand watchers come back
 * at the same few revisions.
 */
export function createPages(
  scan: (args: ScanArgs) => Promise<ScanResult>,
): (cursor: number, filter: RingFilter, asked: EventFilter | undefined) => Promise<Page> {
  const reading = new Map<string, Promise<Page>>();
  return (cursor, filter, asked) => {
    const key = `${cursor} ${filter.key}`;
    const known = reading.get(key);
    if (known) return known;
    const page = scan({ filter: asked, order: 'asc', from: cursor, limit: pageEvents, room: messageBytes })
      .then((result) => pageOf(result, cursor))
      .finally(() => reading.delete(key));
    reading.set(key, page);
    return page;
  };
}

function pageOf(result: ScanResult, cursor: number): Page {
  const first = result.first === 0 ? result.last + 1 : result.first;
  if (first > cursor + 1) return gap(cursor + 1, first - 1);
  const events = result.events.map(({ revision, body }) => decodeBody(revision, body));
  if (events.length > 0) {
    const revision = result.damaged ? result.scanned - 1 : result.scanned;
    return { cursor: revision, item: { kind: 'events', events, revision } };
  }
  if (result.damaged) return gap(result.scanned, result.scanned);
  return { cursor: Math.max(cursor, result.scanned) };
}

function gap(fromRevision: number, toRevision: number): Page {
  const count = toRevision - fromRevision + 1;
  return { cursor: toRevision, item: { kind: 'gap', fromRevision, toRevision, count, revision: toRevision } };
}
