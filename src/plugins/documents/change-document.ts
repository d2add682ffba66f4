import type { JsonObject } from '../../events/types.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { DocumentUpdate, PluginDocument } from '../types.ts';
import { type By, commitRevision, writeDocument } from './commit.ts';
import { takeFile } from './hand-edits.ts';
import { backupName, pruneBackups } from './keep-backups.ts';
import { limits } from './limits.ts';
import { configInvalid, type DocumentRoom, tell } from './room.ts';
import { type Entry, fileText, parse, pictureOf, sameContent, secretsOf } from './state.ts';
import { judged, weigh } from './weigh.ts';

/** These are for the holder of the plugin's lock. */

export async function updateDocument(room: DocumentRoom, entry: Entry, update: DocumentUpdate): Promise<PluginDocument> {
  await catchUp(room, entry);
  if (update.etag !== '' && update.etag !== entry.state.etag) {
    throw new AgentError('ETAG_STALE', `the configuration of plugin ${entry.id} is at revision ${entry.state.revision} by now`, {
      metadata: { plugin: entry.id, etag: entry.state.etag },
    });
  }
  const config = await fit(room, entry, update.config);
  if (update.validateOnly) return wouldBe(entry, config);
  await become(room, entry, { text: fileText(config), author: update.author, traceId: update.traceId });
  return pictureOf(entry, true);
}

/** Throws BACKUP_NOT_FOUND, BACKUP_DAMAGED, or CONFIG_INVALID when the schema has become another. */
export async function restoreBackup(
  room: DocumentRoom,
  entry: Entry,
  { backup, ...by }: By & { readonly backup: string },
): Promise<PluginDocument> {
  await catchUp(room, entry);
  const row = entry.backups.find(({ id }) => id === backup);
  const metadata = { plugin: entry.id, backup: backup.slice(0, 128) };
  if (!row) throw new AgentError('BACKUP_NOT_FOUND', `plugin ${entry.id} has no backup ${metadata.backup}`, { metadata });
  const text = room.backupsOf(entry.id).read(backupName(row.id), row.sha256);
  const violations = await judged(room, entry, parse(text) ?? {});
  if (violations.length > 0) throw configInvalid(entry.id, violations);
  await become(room, entry, { ...by, text });
  return pictureOf(entry, true);
}

/** The newest acknowledged document as a new revision. It proved itself once, so it is not judged again. False where there is none. */
export async function rollBack(room: DocumentRoom, entry: Entry, by: By): Promise<boolean> {
  await catchUp(room, entry);
  const { appliedRevision, revision } = entry.state;
  if (appliedRevision === 0 || appliedRevision === revision) return false;
  const text = await room.store.read<string | undefined>('plugin_documents', 'content', { id: entry.id, revision: appliedRevision });
  if (text === undefined || !(await become(room, entry, { ...by, text }))) return false;
  const data = { from_revision: revision, to_revision: appliedRevision, revision: entry.state.revision, author: by.author };
  tell(room, 'config.rolled_back', { entry, traceId: by.traceId, data });
  return true;
}

/** A change by hand that nobody has seen yet comes first: it would be lost, and the etag would not tell. */
async function catchUp(room: DocumentRoom, entry: Entry): Promise<void> {
  if (room.settings.autoReload) await takeFile(room, entry);
}

/** The document that `config` means, with the stored secrets in it. Throws CONFIG_INVALID. */
async function fit(room: DocumentRoom, entry: Entry, config: JsonObject): Promise<JsonObject> {
  // Before anything walks through it.
  const heavy = weigh(config, 'config', limits.documentBytes);
  if (heavy.length > 0) throw configInvalid(entry.id, heavy);
  const merged = secretsOf(entry).merged(config, parse(entry.text));
  if (merged.violations.length > 0) throw configInvalid(entry.id, merged.violations);
  const violations = await judged(room, entry, merged.config);
  if (violations.length > 0) throw configInvalid(entry.id, violations);
  return merged.config;
}

/** Answers whether it became a new revision: the same content is none, but mends a file that was refused. */
async function become(room: DocumentRoom, entry: Entry, change: By & { readonly text: string }): Promise<boolean> {
  if (entry.text !== undefined && sameContent(parse(entry.text), parse(change.text))) {
    if (entry.refusal) {
      writeDocument(room, entry.id, entry.text);
      await takeFile(room, entry);
    }
    return false;
  }
  await commitRevision(room, entry, change);
  room.changed(entry.id);
  await pruneBackups(room, entry).catch((err: unknown) => {
    room.logger.warn({ err, plugin: entry.id }, 'old backups of a plugin could not be removed');
  });
  return true;
}

/** The answer to `validate_only`: the revision that it would become. */
function wouldBe(entry: Entry, config: JsonObject): PluginDocument {
  const same = entry.text !== undefined && sameContent(parse(entry.text), config);
  const now = pictureOf(entry, true);
  if (same) return now;
  const { pluginId, schema, revision, etag, appliedRevision, timeMs } = now;
  const masked = secretsOf(entry).masked(config);
  return {
    pluginId,
    schema,
    etag,
    appliedRevision,
    timeMs,
    config: masked,
    revision: revision + 1,
    applyState: 'PENDING',
    applyMessage: '',
  };
}
