import { rmSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { AgentError } from '../kernel/errors.ts';
import { createChange, pendingRevision } from './change.ts';
import { presentTexts, readDisk, replaceFile } from './files.ts';
import { revisionOf } from './history.ts';
import { closeDirectory, type DocumentMemory, type DocumentOptions, nextRow, openMemory, record } from './memory.ts';
import { factsOf, sameTexts } from './texts.ts';
import type { Change, DiskState, DocumentName, ManagedDocument, NewRevision, Revision, Texts } from './types.ts';

/** Reads what is known of a document and sweeps up after a killed agent. */
export async function openDocument(options: DocumentOptions): Promise<ManagedDocument> {
  const memory = await openMemory(options);
  const { history, intent } = memory;
  const { name, mode } = options;
  if (isDeepStrictEqual(memory.state, removing)) await removeAll(memory);
  else if (intent) {
    memory.interrupted = createChange(memory, intent, {
      texts: new Map([...(memory.head?.texts ?? []), ...intent.texts]),
      isRecorded: false,
    });
    memory.open = memory.interrupted;
  }
  return {
    name,
    get head() {
      return memory.head;
    },
    get interrupted() {
      return memory.interrupted;
    },
    get state() {
      return memory.state;
    },
    run: (work) => memory.options.lock.run(lockKey(name), work),
    assertEtag: (etag) => assertEtag(memory, etag),
    disk: () => diskOf(memory),
    begin: (next) => begin(memory, next),
    adopt: (next) => adopt(memory, next),
    amend: (texts) => amend(memory, texts),
    restoreFiles() {
      closeDirectory(memory);
      for (const [path, text] of memory.head?.texts ?? []) replaceFile(path, text, mode);
    },
    revisions: (page) => revisions(memory, page),
    texts: (revision) => history.texts(revision),
    forget: (gone) => history.forget(gone.filter((revision) => revision !== memory.head?.revision)),
    async saveState(state) {
      await history.saveState(state);
      memory.state = state;
    },
    async remove() {
      await history.saveState(removing);
      await removeAll(memory);
    },
  };
}

/** What the changes of a document wait for each other by, in a lock that several documents share. */
export function lockKey({ kind, id }: DocumentName): string {
  return `${kind}/${id}`;
}

function describe({ kind, id }: DocumentName): string {
  return kind === 'agent' ? 'the configuration' : `the configuration of ${kind === 'plugins' ? 'plugin' : 'process'} ${id}`;
}

function assertEtag({ head, options: { name } }: DocumentMemory, etag: string | undefined): void {
  const now = head?.etag ?? '0';
  if (etag === undefined || etag === now) return;
  const metadata = { ...(name.id !== '' && { id: name.id }), etag: now };
  throw new AgentError('ETAG_STALE', `${describe(name)} is at revision ${head?.revision ?? 0} by now`, { metadata });
}

function diskOf({ head, options: { files, read } }: DocumentMemory): DiskState {
  const found = readDisk(files(), read);
  return found.kind === 'changed' && head !== undefined && sameTexts(found.texts, head.texts) ? { kind: 'same' } : found;
}

async function begin(memory: DocumentMemory, next: NewRevision): Promise<Change> {
  if (memory.open) throw new Error(`${describe(memory.options.name)} has an open change already`);
  closeDirectory(memory);
  const intent = await record(memory, next, presentTexts(next.texts.keys()));
  memory.open = createChange(memory, intent, { texts: next.texts, isRecorded: true });
  return memory.open;
}

async function adopt(memory: DocumentMemory, next: NewRevision): Promise<void> {
  const { logger, name } = memory.options;
  closeDirectory(memory);
  try {
    const intent = await record(memory, next, next.texts);
    await createChange(memory, intent, { texts: next.texts, isRecorded: true }).commit();
  } catch (err) {
    logger.error({ err, ...name }, 'a revision of a document could not be kept');
    const row = nextRow(memory, next);
    memory.last = row.revision;
    memory.head = { ...revisionOf(row), texts: next.texts };
  }
}

async function amend(memory: DocumentMemory, texts: Texts): Promise<void> {
  const { head, history } = memory;
  if (head === undefined) return;
  closeDirectory(memory);
  const facts = factsOf(texts);
  await history.update({ ...facts, revision: head.revision, result: head.result, detail: JSON.stringify(head.detail) }, { texts });
  memory.head = { ...head, texts, bytes: facts.bytes };
}

async function revisions(
  { history, open }: DocumentMemory,
  page: { readonly before?: number | undefined; readonly limit: number },
): Promise<readonly Revision[]> {
  const rows = await history.list(page);
  return rows.map((row) => (row.revision === open?.revision.revision ? pendingRevision(row) : revisionOf(row)));
}

/** The state of a document that is on its way out. */
const removing = { removing: true };

async function removeAll(memory: DocumentMemory): Promise<void> {
  const { files, directory, backupDir, removeMore } = memory.options;
  for (const path of directory === undefined ? files() : [directory]) rmSync(path, { recursive: true, force: true });
  rmSync(backupDir, { recursive: true, force: true });
  await removeMore?.();
  await memory.history.remove();
  Object.assign(memory, { head: undefined, state: null, last: 0, open: undefined, interrupted: undefined });
}
