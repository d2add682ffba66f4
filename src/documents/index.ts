/**
 * Managed documents: configuration that people and programs change, in files, with revisions and a way back. Users: the agent's own
 * configuration, the plugins' documents, the processes' configs.
 *
 * Invariants: a change is `begin` (intent, texts and row on the disk) -> `write` (the files, whole or not at all) -> `commit` or
 * `rollBack`; killed at any step, the next start ends it; what a person wrote meanwhile is never overwritten unseen; files keep every byte
 * that nobody changed; what is shown has `***` where secrets stand, and `***` that comes back keeps what is there.
 *
 * May be imported by config, plugins, processes and app. It imports kernel, settings (the guard of YAML), telemetry, store, events and `yaml`.
 *
 * A write: `document.run(async () => { document.assertEtag(etag); const change = await document.begin({texts, author}); await
 * change.apply(reload); })`; whoever proves it in steps uses `change.write()`, `commit()` and `rollBack({result: 'ROLLED_BACK'})`. At the start:
 * `document.interrupted` is the change that a kill left: ended by `settle` (finished, unless it was being undone or a person wrote since), or
 * by its own `commit` and `rollBack`.
 */

export type { Change } from './change.ts';
export { isEmptied, notWritten, onlyText, sameTexts } from './files.ts';
export { lockKey } from './history.ts';
export { finishFiles } from './intent.ts';
export type { ManagedDocument } from './managed-document.ts';
export { maskedText, masksLeft, restoredText, sharedSecrets } from './masked-text.ts';
export { openDocument, settle } from './open-document.ts';
export { keepOverwritten } from './overwritten.ts';
export { countValues, dotted, isDeeper, type Keys, lineAt, mapObject, setAt, shortKey, valueAt } from './paths.ts';
export { type Place, secretPlaces } from './places.ts';
export { type JsonVisit, lineOf, readJson, type TextFault, TextFaultError } from './read-json.ts';
export { hasMask, maskObject, masksIn, maskValue, restoreMasked, textWithout } from './secrets.ts';
export { wordsOf } from './text-words.ts';
export type * from './types.ts';
export { type Edit, editYaml } from './yaml/edit-yaml.ts';
export { blockYaml, documentName, guardSize, keyName, parseYaml, plainValue } from './yaml/yaml-values.ts';
