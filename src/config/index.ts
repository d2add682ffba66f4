/**
 * The agent's own configuration: changed over the API or by hand with the same care, kept in revisions, applied live.
 *
 * Invariants: a document is judged as the start judges it, before anything is touched; files are the old or the new ones, never a
 * mixture, also after a kill; comments and order stay; no answer, event, log line or revision list holds a secret.
 *
 * May be imported by api (types) and app. It imports documents, kernel, settings, store, events and telemetry.
 */

export { problemsFor } from './key-authority.ts';
export { type ConfigOptions, finishPending, type OpenConfig, openConfig } from './open.ts';
export type * from './types.ts';
