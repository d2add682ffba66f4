import { isDeepStrictEqual } from 'node:util';
import { type ManagedDocument, maskObject, onlyText, type Place, secretPlaces } from '../../documents/index.ts';
import type { JsonObject } from '../../events/types.ts';
import { schemaPlaces } from '../schemas/secret-schema.ts';
import type { ApplyState, PluginDocument } from '../types.ts';

/** What is known of a document beside its revisions. */
export interface DocumentState {
  readonly appliedRevision: number;
  /** What the plugin said to which revision; to others it has said nothing yet. */
  readonly answer: { readonly revision: number; readonly state: ApplyState; readonly message: string };
  /** The revisions of which config.applied and config.rejected were told: once each. */
  readonly toldApplied: number;
  readonly toldRejected: number;
  /** The state of a file by hand that was refused and told. */
  readonly refusedPrint: string;
}

const noState: DocumentState = {
  appliedRevision: 0,
  answer: { revision: 0, state: 'PENDING', message: '' },
  toldApplied: 0,
  toldRejected: 0,
  refusedPrint: '',
};

/** Why the file of a plugin is not in effect. */
export interface Refusal {
  /** From 1; 0 when it is not about a line. */
  readonly line: number;
  readonly message: string;
  readonly sinceMs: number;
}

/** The document of one plugin as it is held in memory: texts, since most documents are seldom asked for. */
export interface Entry {
  readonly id: string;
  readonly document: ManagedDocument;
  schema: string | undefined;
  secretPaths: readonly string[];
  refusal: Refusal | undefined;
  /** Where its secrets stand: made when it is asked for, and anew after another schema. */
  places: Place | undefined;
}

export function stateOf({ document }: Entry): DocumentState {
  return { ...noState, ...(document.state as Partial<DocumentState> | null) };
}

export async function saveState(entry: Entry, state: DocumentState): Promise<void> {
  await entry.document.saveState({ ...state, answer: { ...state.answer } });
}

export function revisionOf({ document }: Entry): number {
  return document.head?.revision ?? 0;
}

/** The document in effect, as it stands in its file; undefined before the first one, or where its text is lost. */
export function textOf({ document }: Entry): string | undefined {
  const { texts } = document.head ?? {};
  return texts === undefined || texts.size === 0 ? undefined : onlyText(texts);
}

export function placesOf(entry: Entry): Place {
  entry.places ??= secretPlaces({ declared: schemaPlaces(parse(entry.schema)), paths: entry.secretPaths });
  return entry.places;
}

/** The picture of this moment; without an entry the plugin has nothing. Content and schema are parsed when they are looked at: lists of plugins ask for the revision alone. */
export function pictureOf(pluginId: string, entry: Entry | undefined, isMasked = true): PluginDocument {
  const { appliedRevision, answer } = entry ? stateOf(entry) : noState;
  const [head, text] = [entry?.document.head, entry && textOf(entry)];
  const places = isMasked && entry && text !== undefined ? placesOf(entry) : undefined;
  const config = once(() => {
    const content = parse(text);
    return content && places ? maskObject(content, places) : content;
  });
  const schemaText = entry?.schema;
  const schema = once(() => parse(schemaText));
  const isAnswered = head !== undefined && answer.revision === head.revision;
  return {
    pluginId,
    get config() {
      return config();
    },
    get schema() {
      return schema();
    },
    revision: head?.revision ?? 0,
    etag: head?.etag ?? '0',
    appliedRevision,
    applyState: head && (isAnswered ? answer.state : 'PENDING'),
    applyMessage: isAnswered ? answer.message : '',
    timeMs: head?.timeMs,
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
