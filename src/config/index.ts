/**
 * The agent's own configuration: changed over the API or by hand with the same care, kept in revisions, applied live.
 *
 * Invariants: a document is judged as the start judges it, before anything is touched; files are the old or the new ones, never a
 * mixture, also after a kill; comments and order stay; no answer, event, log line or revision list holds a secret.
 *
 * May be imported by plugins (backups), api (types) and app. It imports kernel, settings, store, events and telemetry.
 */
export { type Backups, makeDirectory, openBackups } from './backups.ts';
export { type ConfigOptions, type OpenConfig, openConfig } from './open.ts';
export { finishPending } from './pending.ts';
export type * from './types.ts';
export { fullRetryMs, isFull } from './write-files.ts';
