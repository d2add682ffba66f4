/** What is special about methods by REST: statuses, Location, bodies that are no JSON, and the words of a stream's frames. Declared by method. */
import type { DescMessage } from '@bufbuild/protobuf';
import type { Answered } from '../../seam.ts';
import { logsAsText, tailAsText } from './log-text.ts';

/** A request may come as a bare document: as the text of this field, of one of `types`; `any` is every type but JSON. */
export interface RequestDocument {
  readonly field: string;
  readonly types: readonly string[] | 'any';
}

export interface UnaryAnswer {
  /** HTTP status of a success; 200 unless said. */
  readonly status?: (message: Answered) => number;
  /** Every status that may come with the message, for the API's document; only 200 unless said. */
  readonly statuses?: readonly number[];
  /** Path of what was made. */
  readonly location?: (message: Answered) => string;
  /** What is given instead of JSON where `Accept` asks for one of `types`; the first is the type of the answer. `example`: for the API's document. */
  readonly document?: { readonly types: readonly string[]; readonly example: string; readonly text: (message: Answered) => string };
}

export interface StreamAnswer {
  /** Lines for people, for who asks for `text/plain`. */
  readonly text?: (message: Answered) => string;
  /** Where a client that got this message resumes; the `id:` of its frame. */
  readonly cursor?: (message: Answered) => string;
  /** The request's field that `Last-Event-ID` stands for. */
  readonly resumeField?: string;
  /** Field names that are a frame's kind, in order of precedence; the first that is set is its `event:`. */
  readonly kinds: readonly string[];
}

function text(message: Answered, field: string): string {
  const value: unknown = Reflect.get(message, field);
  return value === undefined ? '' : String(value);
}

/** `others`: statuses that the service itself sets instead. */
const created = (collection: string, ...others: readonly number[]): UnaryAnswer => ({
  status: () => 201,
  statuses: [201, ...others],
  location: (message) => `/api/v1/${collection}/${encodeURIComponent(text(message, 'id').toWellFormed())}`,
});

/** Configuration comes and goes as YAML too. */
const yaml = {
  ...{ field: 'yaml', types: ['application/yaml', 'text/yaml', 'application/x-yaml', 'text/x-yaml'] },
  ...{ example: 'agent: {log_level: info}\n', text: (message: Answered) => text(message, 'yaml') },
};

export const requestDocuments: Readonly<Record<string, RequestDocument>> = {
  '/sboxagent.v1.ProcessService/ApplyProcessConfig': { field: 'content', types: 'any' },
  '/sboxagent.v1.ConfigService/UpdateConfig': yaml,
  '/sboxagent.v1.ConfigService/ValidateConfig': yaml,
};

export const unaryAnswers: Readonly<Record<string, UnaryAnswer>> = {
  '/sboxagent.v1.AgentService/GetHealth': {
    status: (message) => (text(message, 'status') === 'UNHEALTHY' ? 503 : 200),
    statuses: [200, 503],
  },
  '/sboxagent.v1.EventService/CreateEvent': created('events', 200),
  '/sboxagent.v1.ProcessService/StartProcess': created('processes'),
  '/sboxagent.v1.ConfigService/GetConfig': { document: yaml },
  '/sboxagent.v1.LogService/ListLogs': {
    document: { types: ['text/plain'], text: logsAsText, example: '2026-11-29T12:00:00.000Z INFO  agent: agent started\n' },
  },
};

export const streamAnswers: Readonly<Record<string, StreamAnswer>> = {
  '/sboxagent.v1.EventService/WatchEvents': {
    cursor: (message) => text(message, 'revision'),
    resumeField: 'after_revision',
    kinds: ['events', 'progress', 'gap'],
  },
  '/sboxagent.v1.LogService/TailLogs': {
    text: tailAsText,
    cursor: (message) => text(message, 'cursor'),
    resumeField: 'after_cursor',
    kinds: ['entries', 'dropped', 'progress'],
  },
  '/sboxagent.v1.ProcessService/WatchProcesses': { kinds: ['processes', 'removed_ids'] },
  '/sboxagent.v1.AlertService/WatchAlerts': { kinds: ['alerts'] },
  '/sboxagent.v1.PluginService/WatchPlugins': { kinds: ['plugins', 'removed_ids'] },
};

function isSet(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

/** The `event:` of a frame: the first of the kinds that is set, else the last of them (a snapshot may be empty). */
export function kindOf(desc: DescMessage, message: Answered, kinds: readonly string[]): string {
  const set = kinds.find((kind) => {
    const field = desc.fields.find(({ name }) => name === kind);
    return field !== undefined && isSet(Reflect.get(message, field.localName));
  });
  return set ?? (kinds.includes('progress') ? 'progress' : kinds[0]) ?? 'message';
}
