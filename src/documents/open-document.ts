import { basename, dirname } from 'node:path';
import { removeTemporaries } from '../kernel/atomic-file.ts';
import { realPath } from './files.ts';
import { ManagedDocument } from './managed-document.ts';
import { overwrittenDir } from './overwritten.ts';
import type { DocumentOptions, Head } from './types.ts';

/** Reads what is known of a document and sweeps up after a killed agent. */
export async function openDocument(options: DocumentOptions): Promise<ManagedDocument> {
  const { backupDir, files } = options;
  for (const dir of [backupDir, overwrittenDir(backupDir)]) removeTemporaries(dir);
  for (const path of files().map(realPath)) removeTemporaries(dirname(path), basename(path));
  const document = new ManagedDocument(options);
  await document.open();
  return document;
}

/**
 * Ends the change that a death of the agent interrupted: it is finished, unless it was being taken back or a person wrote to its files since.
 * Answers it where it is in effect now: nobody was told of it yet. Throws what `write` throws; it is
 * taken back then.
 */
export async function settle(document: ManagedDocument): Promise<Head | undefined> {
  return document.run(async () => {
    const change = document.interrupted;
    if (change === undefined) return undefined;
    if (change.undoing || change.files() === 'edited') {
      await change.rollBack();
      return undefined;
    }
    await change.apply();
    return document.head;
  });
}
