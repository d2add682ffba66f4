import { hash as digest } from 'node:crypto';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import type { JsonObject } from '../../events/types.ts';
import { newTraceId } from '../../kernel/ids.ts';
import { redactText } from '../../kernel/redaction.ts';
import { commitArgs, commitRevision, commitState, documentFile, writeDocument } from './commit.ts';
import { lineOf, scanJson } from './json-scan.ts';
import { pruneBackups } from './keep-backups.ts';
import { limits } from './limits.ts';
import { type DocumentRoom, tell } from './room.ts';
import { type Entry, parse, sameContent } from './state.ts';
import { judged, masksIn } from './weigh.ts';

interface Fault {
  readonly line: number;
  readonly message: string;
}

/** A file of the document as it lies there. */
export type FileView =
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly hash: string; readonly message: string }
  | { readonly kind: 'text'; readonly hash: string; readonly text: string };

/**
 * Looks at the file of a plugin and brings in what a person wrote: a good document becomes a new revision, a bad one is told once and
 * leaves the old one in force, a file that is gone is written again. For the holder of the plugin's lock.
 */
export async function takeFile(room: DocumentRoom, entry: Entry): Promise<void> {
  const file = readDocument(documentFile(room, entry.id));
  if (file.kind === 'missing') return restoreFile(room, entry);
  if (file.hash === entry.state.hash) return mended(room, entry);
  const verdict = file.kind === 'text' ? await judgeFile(room, entry, file.text) : { line: 0, message: file.message };
  if (!('config' in verdict)) return refuse(room, entry, { ...verdict, hash: file.hash });
  if (file.kind === 'text') await accept(room, entry, { text: file.text, hash: file.hash, config: verdict.config });
}

export function readDocument(path: string): FileView {
  try {
    const stat = statSync(path);
    const identity = `${stat.ino}:${stat.size}:${stat.mtimeMs}`;
    if (!stat.isFile()) return { kind: 'unreadable', hash: `no file ${identity}`, message: 'it is no regular file' };
    if (stat.size > limits.fileBytes) {
      return { kind: 'unreadable', hash: `too large ${identity}`, message: `it has more than ${limits.fileBytes / 1024 / 1024} MiB` };
    }
    const bytes = readFileSync(path);
    const hash = digest('sha256', bytes);
    try {
      return { kind: 'text', hash, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
    } catch {
      return { kind: 'unreadable', hash, message: 'it is not UTF-8' };
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    return code === 'ENOENT' || code === 'ENOTDIR'
      ? { kind: 'missing' }
      : { kind: 'unreadable', hash: code, message: `it cannot be read (${code})` };
  }
}

async function judgeFile(room: DocumentRoom, entry: Entry, text: string): Promise<{ readonly config: JsonObject } | Fault> {
  const fault = scanJson(text, 'config');
  if (fault) return fault;
  const config: unknown = JSON.parse(text);
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return { line: 1, message: 'must be an object' };
  const document = config as JsonObject;
  const [masked] = masksIn(document, 'config');
  if (masked !== undefined) {
    return { line: lineOf(text, 'config', masked), message: `${masked}: *** stands for a secret in answers; write the secret itself` };
  }
  const violations = await judged(room, entry, document);
  const [first] = violations;
  if (!first) return { config: document };
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  return { line: lineOf(text, 'config', first.field), message: `${first.field}: ${first.message}${more}` };
}

async function accept(
  room: DocumentRoom,
  entry: Entry,
  { text, hash, config }: { readonly text: string; readonly hash: string; readonly config: JsonObject },
): Promise<void> {
  const path = documentFile(room, entry.id);
  chmodSync(path, 0o600);
  if (sameContent(parse(entry.text), config)) {
    // Another layout of the same document: no revision, and nothing to tell.
    const state = { ...entry.state, hash, refusedHash: '' };
    await room.store.write('plugin_documents', 'commit', { ...commitArgs(entry.id, state), content: text });
    Object.assign(entry, { state, text, refusal: undefined });
    return;
  }
  await commitRevision(room, entry, { author: 'file', traceId: newTraceId(), text, inPlace: true });
  room.logger.info({ plugin: entry.id, revision: entry.state.revision }, 'the document of a plugin was changed by hand');
  room.changed(entry.id);
  await pruneBackups(room, entry);
}

async function refuse(room: DocumentRoom, entry: Entry, fault: Fault & { readonly hash: string }): Promise<void> {
  const message = redactText(fault.message);
  entry.refusal = { line: fault.line, message, sinceMs: entry.refusal?.sinceMs ?? room.clock.wallMs() };
  if (entry.state.refusedHash === fault.hash) return;
  await commitState(room, entry, { ...entry.state, refusedHash: fault.hash });
  const file = documentFile(room, entry.id);
  room.logger.warn(
    { plugin: entry.id, file, line: fault.line, reason: message },
    'the document of a plugin was changed by hand and is refused',
  );
  const traceId = newTraceId();
  tell(room, 'config.rejected', { entry, traceId, data: { reason: 'HAND_EDIT', file, line: fault.line, message } });
}

/** The file is the document in force again. */
async function mended(room: DocumentRoom, entry: Entry): Promise<void> {
  entry.refusal = undefined;
  if (entry.state.refusedHash !== '') await commitState(room, entry, { ...entry.state, refusedHash: '' });
}

async function restoreFile(room: DocumentRoom, entry: Entry): Promise<void> {
  if (entry.text !== undefined) {
    writeDocument(room, entry.id, entry.text);
    room.logger.warn({ plugin: entry.id }, 'the document of a plugin was gone and was written again');
  }
  await mended(room, entry);
}
