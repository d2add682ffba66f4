import { settle } from '../../documents/index.ts';
import { foldersOf } from './follow-documents.ts';
import { takeFile } from './hand-edits.ts';
import { limits } from './limits.ts';
import { type DocumentRoom, locked, openEntry } from './room.ts';
import { type Entry, revisionOf } from './state.ts';

/** Opened at once; each waits for the database. */
const atOnce = 32;

/** Reads what the database knows, ends what a kill left half done, and takes what a person wrote meanwhile. */
export async function recoverDocuments(room: DocumentRoom): Promise<void> {
  const known = [
    ...(await room.store.read<readonly string[]>('documents', 'ids', { kind: 'plugins' })),
    ...(await room.store.read<readonly string[]>('plugin_schemas', 'ids', {})),
  ];
  // A first change may have died before its row.
  const ids = [...new Set([...known, ...foldersOf(room.backupDir), ...foldersOf(room.dir)])];
  const allowed = ids.slice(0, Math.max(limits.plugins, known.length));
  for (const _ of ids.slice(allowed.length)) room.refused('plugin_documents');
  for (let i = 0; i < allowed.length; i += atOnce) await Promise.all(allowed.slice(i, i + atOnce).map((id) => recover(room, id)));
}

async function recover(room: DocumentRoom, id: string): Promise<void> {
  const entry = await openEntry(room, id);
  try {
    await settle(entry.document);
    await locked(room, id, () => takeFile(room, entry));
  } catch (err) {
    room.logger.error({ err, plugin: id }, 'the document of a plugin could not be read');
  }
  if (isNothing(entry)) room.entries.delete(id);
}

/** What was removed, or never had anything. */
function isNothing(entry: Entry): boolean {
  return revisionOf(entry) === 0 && entry.schema === undefined && entry.refusal === undefined;
}
