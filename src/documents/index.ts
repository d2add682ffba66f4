/**
 * Managed documents: configuration that people and programs change, in files, with revisions and a way back. Users: the agent's own
 * configuration, the plugins' documents, the processes' configs.
 *
 * Invariants: a change is `begin` (intent, texts and row on the disk) -> `write` (the files, whole or not at all) -> `commit` or
 * `rollBack`; killed at any step, the next start ends it; what a person wrote meanwhile is never overwritten unseen; files keep every byte
 * that nobody changed; what is shown has `***` where secrets stand, and `***` that comes back keeps what is there.
 *
 * May be imported by config, plugins, processes and app. It imports kernel, telemetry, store, events and `yaml`.
 *
 * A write: `document.run(async () => { document.assertEtag(etag); const change = await document.begin({texts, author}); change.write();
 * await reload(); await change.commit(); })`, and `change.rollBack({result: 'ROLLED_BACK'})` where it did not prove itself. At the start:
 * `if (document.interrupted) await document.interrupted.commit()` or `.rollBack()`, by what `files()` says.
 */
export type * from './types.ts';
