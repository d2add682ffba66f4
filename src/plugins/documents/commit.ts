import { hash, randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fullRetryMs, isFull, makeDirectory } from '../../config/index.ts';
import { writeFileAtomic } from '../../kernel/atomic-file.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { BackupRow, CommitArgs } from './documents-procedures.ts';
import { keepBackup } from './keep-backups.ts';
import type { DocumentRoom } from './room.ts';
import type { DocumentState, Entry } from './state.ts';

/** Who made a revision. */
export interface By {
  readonly author: string;
  readonly traceId: string;
}

/** What is written down before the file is touched: who finds the file so at the next start knows whose it is. */
export interface Pending extends By {
  readonly revision: number;
  readonly etag: string;
  readonly timeMs: number;
  readonly hash: string;
}

/** What `intend` keeps until the revision is committed. */
export type Intent = { readonly remove: true } | { readonly pending: Pending; readonly backup?: BackupRow };

export function documentFile(room: DocumentRoom, id: string): string {
  return join(room.dir, id, 'config.json');
}

/**
 * Makes `text` the next revision: intent to the database, then the file, then the revision to the database. Killed anywhere in
 * between, the next start finds either the old file (and drops the intent) or the new one (and completes it); what was answered is both
 * on the disk and in the database. `inPlace`: the file has the text already (a change by hand). Throws CONFIG_NOT_WRITTEN, DISK_FULL; then it is as before.
 */
export async function commitRevision(
  room: DocumentRoom,
  entry: Entry,
  change: By & { readonly text: string; readonly inPlace?: boolean },
): Promise<void> {
  const { author, traceId, text, inPlace = false } = change;
  const pending: Pending = {
    author,
    traceId,
    revision: entry.state.revision + 1,
    etag: randomBytes(12).toString('base64url'),
    timeMs: room.clock.wallMs(),
    hash: hash('sha256', text),
  };
  const backup = await notWritten(entry, () => keepBackup(room, entry));
  await notWritten(entry, () => intend(room, entry.id, { pending, ...(backup && { backup }) }));
  if (!inPlace) replaceFile(room, entry, text);
  const state = stateOf(entry.state, pending);
  const args: CommitArgs = { ...commitArgs(entry.id, state), content: text, ...(backup && { backup }) };
  try {
    await room.store.write('plugin_documents', 'commit', args, 1 + Math.ceil(text.length / 4096));
  } catch (error) {
    if (!inPlace) putBack(room, entry);
    throw refusal(entry.id, error);
  }
  entry.state = state;
  entry.text = text;
  entry.refusal = undefined;
  if (backup) entry.backups = [backup, ...entry.backups];
}

export function intend(room: DocumentRoom, id: string, intent: Intent | undefined): Promise<void> {
  return room.store.write('plugin_documents', 'intend', { id, pending: intent ? JSON.stringify(intent) : null });
}

/** Writes what changed of the state alone: an acknowledgement, a remark. */
export async function commitState(room: DocumentRoom, entry: Entry, state: DocumentState): Promise<void> {
  await room.store.write('plugin_documents', 'commit', commitArgs(entry.id, state));
  entry.state = state;
}

export function stateOf(before: DocumentState, pending: Pending): DocumentState {
  return { ...before, ...pending, applyState: 'PENDING', applyMessage: '', refusedHash: '' };
}

export function commitArgs(id: string, state: DocumentState): CommitArgs {
  return { id, state: JSON.stringify(state), revision: state.revision, appliedRevision: state.appliedRevision };
}

/** 0600 in 0700, whole or not at all. Throws the file system's error. */
export function writeDocument(room: DocumentRoom, id: string, text: string): void {
  const path = documentFile(room, id);
  makeDirectory(dirname(path));
  chmodSync(dirname(path), 0o700);
  writeFileAtomic(path, text);
}

function replaceFile(room: DocumentRoom, entry: Entry, text: string): void {
  try {
    writeDocument(room, entry.id, text);
  } catch (error) {
    // It may be the flush behind the rename that failed.
    if (readFileOrNothing(documentFile(room, entry.id)) === text) putBack(room, entry);
    throw refusal(entry.id, error);
  }
}

function readFileOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The database did not take the revision, so the file goes back to what is in force. Where that fails too, it counts as a change by hand. */
function putBack(room: DocumentRoom, entry: Entry): void {
  try {
    if (entry.text === undefined) rmSync(documentFile(room, entry.id), { force: true });
    else writeDocument(room, entry.id, entry.text);
  } catch (err) {
    room.logger.error({ err, plugin: entry.id }, 'the document of a plugin could not be put back');
  }
}

async function notWritten<T>(entry: Entry, fn: () => T | Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    throw refusal(entry.id, error);
  }
}

function refusal(id: string, cause: unknown): AgentError {
  const code = cause instanceof AgentError ? cause.reason : (cause as NodeJS.ErrnoException).code;
  return new AgentError(
    isFull(cause) ? 'DISK_FULL' : 'CONFIG_NOT_WRITTEN',
    `the configuration of plugin ${id} could not be written (${code ?? 'unknown error'})`,
    {
      metadata: { plugin: id },
      ...(isFull(cause) && { retryAfterMs: fullRetryMs }),
      cause,
    },
  );
}
