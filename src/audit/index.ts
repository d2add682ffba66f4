/**
 * Who did what to which thing, from where, and with what result.
 *
 * Invariants: a call that changes something is not made before its intent is on disk, and not answered before its end is, or is kept for
 * the moment when the disk takes it again; what a kill leaves without an end is completed at the next start; each entry is chained to the
 * one before by its hash; entries go from the old end only, and the rest is anchored to the last that went; what was refused is bounded in
 * rate; no entry has a value that a caller sent, only ids and names of fields.
 *
 * May be imported by api (types), cli (on the state directory) and app. It imports kernel, telemetry, store and types of settings.
 */
export { type AuditOptions, type OpenAudit, openAudit } from './open.ts';
export type { Audit, AuditCall, AuditEntry, AuditFilter, AuditResult, BegunEntry } from './types.ts';
