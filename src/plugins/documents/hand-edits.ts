import {
  dotted,
  isEmptied,
  lineOf,
  masksIn,
  onlyText,
  readJson,
  shortKey,
  type TextFault,
  TextFaultError,
  type Texts,
} from '../../documents/index.ts';
import type { JsonObject } from '../../events/types.ts';
import { AgentError } from '../../kernel/errors.ts';
import { newTraceId } from '../../kernel/ids.ts';
import { redactText } from '../../kernel/redaction.ts';
import { pruneBackups } from './backups.ts';
import { limits } from './limits.ts';
import { type DocumentRoom, documentFile, emitConfigEvent } from './room.ts';
import { type Entry, parse, revisionOf, sameContent, saveState, stateOf, textOf } from './state.ts';
import { judged } from './weigh.ts';

type Fault = Pick<TextFault, 'line' | 'message'>;

const dialect = { maxDepth: limits.depth, exactNumbers: true };

/**
 * Looks at the file of a plugin and brings in what a person wrote: a good document becomes a new revision, a bad one is told once and
 * leaves the old one in effect, a file that is gone is written again. For the holder of the plugin's lock.
 */
export async function takeFile(room: DocumentRoom, entry: Entry): Promise<void> {
  const disk = entry.document.disk();
  if (disk.kind === 'same') return mended(entry);
  if (disk.kind === 'missing') return restoreFile(room, entry);
  if (disk.kind === 'unreadable') return refuse(room, entry, { line: 0, message: disk.message, print: disk.print });
  const verdict = await judgeFile(room, entry, disk.texts);
  if ('message' in verdict) return refuse(room, entry, { ...verdict, print: disk.print });
  await accept(room, entry, { texts: disk.texts, config: verdict.config }).catch((error: unknown) => {
    // Somebody else's directory, or one that is read only: it stays so until a person mends it.
    if (!(error instanceof AgentError && error.reason === 'CONFIG_NOT_WRITTEN')) throw error;
    return refuse(room, entry, { line: 0, message: error.message, print: disk.print });
  });
}

async function judgeFile(room: DocumentRoom, entry: Entry, texts: Texts): Promise<{ readonly config: JsonObject } | Fault> {
  if (isEmptied(texts, entry.document.head) !== undefined) return { line: 0, message: 'it is empty; write {} for a document without keys' };
  const text = onlyText(texts);
  const fault = faultOf(text);
  if (fault) return fault;
  const config: unknown = JSON.parse(text);
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return { line: 1, message: 'must be an object' };
  const document = config as JsonObject;
  const [masked] = masksIn(document);
  if (masked !== undefined) {
    const field = dotted(['config', ...masked].map(shortKey));
    return { line: lineOfField(text, field), message: `${field}: *** stands for a secret in answers; write the secret itself` };
  }
  const violations = await judged(room, entry, document);
  const [first] = violations;
  if (!first) return { config: document };
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  return { line: lineOfField(text, first.field), message: `${first.field}: ${first.message}${more}` };
}

function faultOf(text: string): Fault | undefined {
  try {
    readJson(text, dialect);
    return undefined;
  } catch (error) {
    if (error instanceof TextFaultError) return error.fault;
    throw error;
  }
}

/** Fields are told below `config`. */
function lineOfField(text: string, field: string): number {
  return lineOf(text, field.replace(/^config\.?/, ''), dialect);
}

async function accept(room: DocumentRoom, entry: Entry, { texts, config }: { texts: Texts; config: JsonObject }): Promise<void> {
  const { document } = entry;
  if (sameContent(parse(textOf(entry)), config)) {
    // Another layout of the same document: no revision, and nothing to tell.
    await document.amend(texts);
    return mended(entry);
  }
  const author = { name: 'file', reason: '', traceId: newTraceId() };
  await document.adopt({ texts, author, keepBackup: room.settings.backupEnabled });
  await mended(entry);
  room.logger.info({ plugin: entry.id, revision: revisionOf(entry) }, 'the document of a plugin was changed by hand');
  room.changed(entry.id);
  await pruneBackups(room, entry);
}

async function refuse(room: DocumentRoom, entry: Entry, { line, print, ...fault }: Fault & { readonly print: string }): Promise<void> {
  const message = redactText(fault.message);
  entry.refusal = { line, message, sinceMs: entry.refusal?.sinceMs ?? room.clock.wallMs() };
  const state = stateOf(entry);
  if (state.refusedPrint === print) return;
  await saveState(entry, { ...state, refusedPrint: print });
  const file = documentFile(room, entry.id);
  room.logger.warn({ plugin: entry.id, file, line, reason: message }, 'the document of a plugin was changed by hand and is refused');
  emitConfigEvent(room, 'config.rejected', { entry, traceId: newTraceId(), data: { reason: 'HAND_EDIT', file, line, message } });
}

/** The file is the document in effect again. */
async function mended(entry: Entry): Promise<void> {
  entry.refusal = undefined;
  const state = stateOf(entry);
  if (state.refusedPrint !== '') await saveState(entry, { ...state, refusedPrint: '' });
}

async function restoreFile(room: DocumentRoom, entry: Entry): Promise<void> {
  if (textOf(entry) !== undefined) {
    entry.document.restoreFiles();
    room.logger.warn({ plugin: entry.id }, 'the document of a plugin was gone and was written again');
  }
  await mended(entry);
}
