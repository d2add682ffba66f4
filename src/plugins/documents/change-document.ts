import { hasMask, maskObject, onlyText, restoreMasked } from '../../documents/index.ts';
import type { JsonObject } from '../../events/types.ts';
import { AgentError } from '../../kernel/errors.ts';
import { judgeLimits } from '../schemas/limits.ts';
import type { DocumentUpdate, PluginDocument } from '../types.ts';
import { listBackups, pruneBackups } from './backups.ts';
import { takeFile } from './hand-edits.ts';
import { limits } from './limits.ts';
import { assertFit, type DocumentRoom, documentFile, emitConfigEvent } from './room.ts';
import { type Entry, fileText, parse, pictureOf, placesOf, revisionOf, sameContent, stateOf, textOf } from './state.ts';
import { judged, weigh } from './weigh.ts';

/** Who makes a revision. */
interface By {
  readonly author: string;
  readonly traceId: string;
}

/** These are for the holder of the plugin's lock. */

export async function updateDocument(room: DocumentRoom, entry: Entry, update: DocumentUpdate): Promise<PluginDocument> {
  await catchUp(room, entry);
  entry.document.assertEtag(update.etag);
  const config = await fit(room, entry, update.config);
  if (update.validateOnly) return wouldBe(entry, config);
  await become(room, entry, { text: fileText(config), author: update.author, traceId: update.traceId });
  return pictureOf(entry.id, entry);
}

/** Throws BACKUP_NOT_FOUND, BACKUP_DAMAGED, or CONFIG_INVALID when the schema has become another. */
export async function restoreBackup(
  room: DocumentRoom,
  entry: Entry,
  { backup, ...by }: By & { readonly backup: string },
): Promise<PluginDocument> {
  await catchUp(room, entry);
  const found = (await listBackups(room, entry)).find(({ id }) => id === backup);
  const metadata = { plugin: entry.id, backup: backup.slice(0, 128) };
  if (!found) throw new AgentError('BACKUP_NOT_FOUND', `plugin ${entry.id} has no backup ${metadata.backup}`, { metadata });
  const text = onlyText(await entry.document.texts(found.revision));
  assertFit('CONFIG_INVALID', entry.id, await judged(room, entry, parse(text) ?? {}));
  await become(room, entry, { ...by, text });
  return pictureOf(entry.id, entry);
}

/** The newest acknowledged document as a new revision. It proved itself once, so it is not judged again. False where there is none. */
export async function rollBack(room: DocumentRoom, entry: Entry, by: By): Promise<boolean> {
  await catchUp(room, entry);
  const { appliedRevision } = stateOf(entry);
  const revision = revisionOf(entry);
  if (appliedRevision === 0 || appliedRevision === revision) return false;
  const text = await textAt(entry, appliedRevision);
  if (text === undefined || !(await become(room, entry, { ...by, text }))) return false;
  const data = { from_revision: revision, to_revision: appliedRevision, revision: revisionOf(entry), author: by.author };
  emitConfigEvent(room, 'config.rolled_back', { entry, traceId: by.traceId, data });
  return true;
}

/** Of an earlier revision; undefined where it is not kept any more. */
export async function textAt({ document }: Entry, revision: number): Promise<string | undefined> {
  try {
    return onlyText(await document.texts(revision));
  } catch (error) {
    if (error instanceof AgentError && (error.code === 'not_found' || error.reason === 'BACKUP_DAMAGED')) return undefined;
    throw error;
  }
}

/** A change by hand that nobody has seen yet comes first: it would be lost, and the etag would not tell. */
async function catchUp(room: DocumentRoom, entry: Entry): Promise<void> {
  if (room.settings.autoReload) await takeFile(room, entry);
}

/** The document that `config` means, with the stored secrets in it. Throws CONFIG_INVALID. */
async function fit(room: DocumentRoom, entry: Entry, config: JsonObject): Promise<JsonObject> {
  // Before anything walks through it.
  assertFit('CONFIG_INVALID', entry.id, weigh(config, 'config', limits.documentBytes));
  const restored = hasMask(config)
    ? restoreMasked(config, parse(textOf(entry)), { place: placesOf(entry), root: 'config' })
    : { value: config, violations: [] };
  assertFit('CONFIG_INVALID', entry.id, restored.violations.slice(0, judgeLimits.violations));
  assertFit('CONFIG_INVALID', entry.id, await judged(room, entry, restored.value));
  return restored.value;
}

/** Answers whether it became a new revision: the same content is none, but mends a file that was refused. */
async function become(room: DocumentRoom, entry: Entry, change: By & { readonly text: string }): Promise<boolean> {
  const text = textOf(entry);
  if (text !== undefined && sameContent(parse(text), parse(change.text))) {
    if (entry.refusal) {
      entry.document.restoreFiles();
      await takeFile(room, entry);
    }
    return false;
  }
  const { author: name, traceId } = change;
  const texts = new Map([[documentFile(room, entry.id), change.text]]);
  const author = { name, reason: '', traceId };
  await (await entry.document.begin({ texts, author, keepBackup: room.settings.backupEnabled })).apply();
  entry.refusal = undefined;
  room.changed(entry.id);
  await pruneBackups(room, entry).catch((err: unknown) => {
    room.logger.warn({ err, plugin: entry.id }, 'old backups of a plugin could not be removed');
  });
  return true;
}

/** The answer to `validate_only`: the revision that it would become. */
function wouldBe(entry: Entry, config: JsonObject): PluginDocument {
  const text = textOf(entry);
  const now = pictureOf(entry.id, entry);
  if (text !== undefined && sameContent(parse(text), config)) return now;
  const shown = maskObject(config, placesOf(entry));
  return { ...now, config: shown, revision: now.revision + 1, applyState: 'PENDING', applyMessage: '' };
}
