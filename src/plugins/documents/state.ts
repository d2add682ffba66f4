import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../../events/types.ts';
import type { ApplyState, PluginDocument } from '../types.ts';
import type { BackupRow } from './documents-procedures.ts';
import { createSecrets, type Secrets } from './secrets.ts';

/** What is known of the newest revision, beside its content. Kept in the database as JSON. */
export interface DocumentState {
  /** 0 = there was none yet. */
  readonly revision: number;
  /** Random, so that it tells nothing of the content. */
  readonly etag: string;
  /** `file` for a change by hand. */
  readonly author: string;
  readonly traceId: string;
  readonly timeMs: number;
  /** SHA-256 of the file's bytes. */
  readonly hash: string;
  readonly appliedRevision: number;
  readonly applyState: ApplyState | undefined;
  readonly applyMessage: string;
  /** The revisions of which config.applied and config.rejected were told: once each. */
  readonly toldApplied: number;
  readonly toldRejected: number;
  /** SHA-256 of a file by hand that was refused and told. */
  readonly refusedHash: string;
}

export const noDocument: DocumentState = {
  revision: 0,
  etag: '0',
  author: '',
  traceId: '',
  timeMs: 0,
  hash: '',
  appliedRevision: 0,
  applyState: undefined,
  applyMessage: '',
  toldApplied: 0,
  toldRejected: 0,
  refusedHash: '',
};

/** Why the file of a plugin is not in force. */
export interface Refusal {
  /** From 1; 0 when it is not about a line. */
  readonly line: number;
  readonly message: string;
  readonly sinceMs: number;
}

/** The document of one plugin as it is held in memory: texts, since most documents are seldom asked for. */
export interface Entry {
  readonly id: string;
  state: DocumentState;
  /** The document in force, as it stands in its file; undefined before the first one. */
  text: string | undefined;
  schema: string | undefined;
  secretPaths: readonly string[];
  /** Newest first. */
  backups: readonly BackupRow[];
  refusal: Refusal | undefined;
  /** Identity of the file when it was last looked at. */
  seen: string;
  secrets: Secrets | undefined;
}

export function newEntry(id: string): Entry {
  const empty = { text: undefined, schema: undefined, refusal: undefined, secrets: undefined };
  return { id, state: noDocument, ...empty, secretPaths: [], backups: [], seen: '' };
}

export function secretsOf(entry: Entry): Secrets {
  entry.secrets ??= createSecrets(parse(entry.schema), entry.secretPaths);
  return entry.secrets;
}

/** The picture of this moment. Content and schema are parsed when they are looked at: lists of plugins ask for the revision alone. */
export function pictureOf(entry: Entry, masked: boolean): PluginDocument {
  const { id, state, text, schema } = entry;
  const secrets = masked && text !== undefined ? secretsOf(entry) : undefined;
  const config = once(() => {
    const document = parse(text);
    return document && secrets ? secrets.masked(document) : document;
  });
  const parsedSchema = once(() => parse(schema));
  return {
    pluginId: id,
    get config() {
      return config();
    },
    get schema() {
      return parsedSchema();
    },
    revision: state.revision,
    etag: state.etag,
    appliedRevision: state.appliedRevision,
    applyState: state.applyState,
    applyMessage: state.applyMessage,
    timeMs: state.revision === 0 ? undefined : state.timeMs,
  };
}

/** How the agent itself writes a document. */
export function fileText(config: JsonObject): string {
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

/** Whether two documents are the same but for the order of keys. Texts of another length settle it cheaply. */
export function sameContent(one: JsonObject | undefined, other: JsonObject | undefined): boolean {
  return JSON.stringify(one)?.length === JSON.stringify(other)?.length && isDeepStrictEqual(one, other);
}

export function parse(text: string | undefined): JsonObject | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as JsonObject);
}

function once<T>(fn: () => T): () => T {
  let value: { readonly got: T } | undefined;
  return () => {
    value ??= { got: fn() };
    return value.got;
  };
}
