import { hash } from 'node:crypto';
import type { AuditEntry } from './types.ts';

/** What the first entry of all is chained to. */
export const noHash = '0'.repeat(64);

/**
 * The bytes that are hashed: a JSON array of the hash before and the fields in the order of audit.proto, the time in milliseconds, without
 * blanks. docs/audit.md shows how to do the same with other tools.
 */
function canonicalForm(entry: Omit<AuditEntry, 'hash'>, before: string): string {
  const { sequence, timeMs, principal, via, peer, method, target, code, reason, traceId, changes } = entry;
  return JSON.stringify([before, sequence, timeMs, principal, via, peer, method, target, code, reason, traceId, changes]);
}

export function hashOf(entry: Omit<AuditEntry, 'hash'>, before: string): string {
  return hash('sha256', canonicalForm(entry, before), 'hex');
}
