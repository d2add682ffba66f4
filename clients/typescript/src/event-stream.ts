import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Event, EventFilterSchema } from '../../../gen/es/sboxagent/v1/event_pb.js';
import type { WatchEventsResponse } from '../../../gen/es/sboxagent/v1/event_service_pb.js';
import { type AgentError, agentError, type CodeName } from './errors.ts';
import { pause } from './interceptors.ts';
import type { AgentMethods } from './services.ts';

/** Events that were gone before they could be given: the first and last revision missed, and how many (of all types). */
export class Gap {
  readonly fromRevision: bigint;
  readonly toRevision: bigint;
  readonly count: bigint;

  constructor(fromRevision: bigint, toRevision: bigint, count: bigint) {
    this.fromRevision = fromRevision;
    this.toRevision = toRevision;
    this.count = count;
  }
}

/** Waiting cannot help these: they are thrown. */
const final: ReadonlySet<CodeName> = new Set([
  'INVALID_ARGUMENT',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'NOT_FOUND',
  'UNIMPLEMENTED',
  'FAILED_PRECONDITION',
  'OUT_OF_RANGE',
]);

const firstPauseMs = 100;
const longestPauseMs = 2000;
const longestAskedPauseMs = 60_000;

export interface EventStreamOptions {
  /** Globs: `*` within a segment, `**` across. */
  readonly types?: readonly string[] | undefined;
  /** Those after it come first: 0n from the oldest that is kept; absent: only new ones. */
  readonly afterRevision?: bigint | undefined;
  /** The other fields of EventFilter. */
  readonly filter?: Omit<MessageInitShape<typeof EventFilterSchema>, 'types' | '$typeName'> | undefined;
  /** Ends the iteration, without an error. */
  readonly signal?: AbortSignal | undefined;
  /** So many milliseconds in a row without an agent are too many; absent: it is waited for ever. */
  readonly giveUpAfterMs?: number | undefined;
}

interface Cursor {
  revision: bigint | undefined;
  failures: number;
  failingSinceMs: number | undefined;
}

/** What of a message is new; moves the cursor. */
function take(cursor: Cursor, { events, gap, revision }: WatchEventsResponse): (Event | Gap)[] {
  Object.assign(cursor, { failures: 0, failingSinceMs: undefined });
  const after = cursor.revision;
  const fresh = events.filter((event) => after === undefined || event.revision > after);
  if (after === undefined || revision > after) cursor.revision = revision;
  return gap === undefined ? fresh : [new Gap(gap.fromRevision, gap.toRevision, gap.count), ...fresh];
}

/** A gap to give, or the pause before the next attempt. Throws what waiting cannot help. */
function afterFailure(cursor: Cursor, error: AgentError, giveUpAfterMs: number | undefined): Gap | number {
  const first = /^\d+$/.test(error.metadata['first_revision'] ?? '') ? BigInt(error.metadata['first_revision'] ?? 0) : undefined;
  const { revision } = cursor;
  if (error.code === 'OUT_OF_RANGE' && first !== undefined && revision !== undefined && first - 1n > revision) {
    cursor.revision = first - 1n;
    return new Gap(revision + 1n, first - 1n, first - 1n - revision);
  }
  if (final.has(error.code)) throw error;
  const nowMs = performance.now();
  cursor.failingSinceMs ??= nowMs;
  if (giveUpAfterMs !== undefined && nowMs - cursor.failingSinceMs >= giveUpAfterMs) throw error;
  const growing = Math.min(firstPauseMs * 2 ** cursor.failures, longestPauseMs) * (0.5 + Math.random() / 2);
  cursor.failures = Math.min(cursor.failures + 1, 10);
  return Math.max(growing, Math.min(error.retryAfterMs ?? 0, longestAskedPauseMs));
}

/**
 * Events as they happen: a lost connection or a restarted agent is bridged, the stream goes on after the last revision, each event once and in
 * order. Where the agent had removed events before they could be given, a `Gap` says which. A refusal (token, scope, filter) is thrown.
 */
export async function* events(agent: Pick<AgentMethods, 'watchEvents'>, options: EventStreamOptions = {}): AsyncGenerator<Event | Gap> {
  const { types = [], filter, signal, giveUpAfterMs } = options;
  const cursor: Cursor = { revision: options.afterRevision, failures: 0, failingSinceMs: undefined };
  const wanted = { ...filter, types: [...types] };
  const isEnded = (): boolean => signal?.aborted === true;
  while (!isEnded()) {
    let failed: AgentError;
    try {
      const { revision } = cursor;
      const request = { filter: wanted, ...(revision !== undefined && { afterRevision: revision }) };
      const stream = agent.watchEvents(request, signal === undefined ? {} : { signal });
      for await (const message of stream) yield* take(cursor, message);
      failed = agentError(new ConnectError('the stream ended', Code.Unavailable));
    } catch (error) {
      failed = agentError(error);
    }
    if (isEnded()) return;
    const next = afterFailure(cursor, failed, giveUpAfterMs);
    if (next instanceof Gap) yield next;
    else await pause(next, signal).catch(() => {});
  }
}
