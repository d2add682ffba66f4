import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { commitArgs, documentFile, type Intent, intend, stateOf } from './commit.ts';
import type { DocumentRecord } from './documents-procedures.ts';
import { discover, identityOf } from './follow-documents.ts';
import { readDocument, takeFile } from './hand-edits.ts';
import { filesOf, removeStrays } from './keep-backups.ts';
import type { DocumentRoom } from './room.ts';
import { type DocumentState, type Entry, newEntry, noDocument } from './state.ts';

/** Reads what the database knows, ends what a kill left half done, and takes what a person wrote meanwhile. */
export async function recoverDocuments(room: DocumentRoom): Promise<void> {
  for (const id of await room.store.read<readonly string[]>('plugin_documents', 'ids', undefined)) {
    const record = await room.store.read<DocumentRecord>('plugin_documents', 'load', { id });
    const intent = record.pending === undefined ? undefined : (JSON.parse(record.pending) as Intent);
    if (intent && 'remove' in intent) {
      await removeDocument(room, id);
      continue;
    }
    const entry = entryOf(id, record);
    room.entries.set(id, entry);
    if (intent) await settleIntent(room, entry, intent);
    removeStrays(room, entry);
  }
  discover(room, '');
  for (const entry of room.entries.values()) {
    removeTemporary(dirname(documentFile(room, entry.id)));
    entry.seen = identityOf(documentFile(room, entry.id));
    await room.lock
      .run(entry.id, () => takeFile(room, entry))
      .catch((err: unknown) => {
        room.logger.error({ err, plugin: entry.id }, 'the document of a plugin could not be read');
      });
  }
}

/** Everything of a plugin: its folder, its backups, its rows. What began is ended at the next start. */
export async function removeDocument(room: DocumentRoom, id: string): Promise<void> {
  await intend(room, id, { remove: true });
  rmSync(dirname(documentFile(room, id)), { recursive: true, force: true });
  rmSync(room.backupDir(id), { recursive: true, force: true });
  await room.store.write('plugin_documents', 'remove', { id });
}

function entryOf(id: string, record: DocumentRecord): Entry {
  const state = record.state === undefined ? noDocument : { ...noDocument, ...(JSON.parse(record.state) as Partial<DocumentState>) };
  const { content: text, schema, backups } = record;
  return { ...newEntry(id), state, text, schema, backups, secretPaths: JSON.parse(record.secretPaths) as readonly string[] };
}

/** The file says how far it went: it is the new one, and the revision is completed; or it is not, and nothing happened. */
async function settleIntent(room: DocumentRoom, entry: Entry, intent: Exclude<Intent, { readonly remove: true }>): Promise<void> {
  const file = readDocument(documentFile(room, entry.id));
  if (file.kind !== 'text' || file.hash !== intent.pending.hash) return intend(room, entry.id, undefined);
  const state = stateOf(entry.state, intent.pending);
  const { backup } = intent;
  await room.store.write('plugin_documents', 'commit', { ...commitArgs(entry.id, state), content: file.text, ...(backup && { backup }) });
  Object.assign(entry, { state, text: file.text });
  if (backup) entry.backups = [backup, ...entry.backups];
}

function removeTemporary(dir: string): void {
  for (const name of filesOf(dir)) if (/^\.config\.json\.[0-9a-f]{12}\.tmp$/.test(name)) rmSync(join(dir, name), { force: true });
}
