import type { Revision } from '../documents/index.ts';
import type { Json } from '../events/types.ts';
import type { ConfigRevision, KeyChange } from './types.ts';

/** The changed keys that a revision keeps. */
export function changesIn(detail: Json): readonly KeyChange[] {
  const list = (Array.isArray(detail) ? detail : []) as readonly Partial<KeyChange>[];
  return list.map(({ path = '', oldValue, newValue, effect = 'APPLIED' }) => ({ path, oldValue, newValue, effect }));
}

export function configRevision({ revision, etag, author, reason, timeMs, detail }: Revision): ConfigRevision {
  return { revision, etag, author, reason, timeMs, changes: changesIn(detail) };
}
