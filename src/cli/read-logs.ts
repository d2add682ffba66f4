import type { LogEntry, LogFilter } from '../../gen/ts/sboxagent/v1/log.ts';
import { ListLogsRequest, TailLogsRequest, type TailLogsResponse } from '../../gen/ts/sboxagent/v1/log_service.ts';
import { GetProcessRequest } from '../../gen/ts/sboxagent/v1/process_service.ts';
import { type Agent, type Dial, unary } from './agent.ts';
import type { Flags } from './command-spec.ts';
import type { Context } from './context.ts';
import { printable } from './escape.ts';
import { Failure, usage } from './failure.ts';
import { count, instant, text } from './flags.ts';
import { follow } from './follow.ts';

const defaultLines = 100;
const mostLines = 100_000;
/** How far back --grep looks for the lines it was asked for. */
export const mostScanned = 200_000;

export interface LogQuery {
  readonly ids: readonly string[];
  readonly filter: Partial<LogFilter>;
  readonly lines: number;
  readonly keep: (entry: LogEntry) => boolean;
}

export function logQuery(context: Context, ids: readonly string[], flags: Flags): LogQuery {
  const nowMs = context.io.clock.wallMs();
  const level = text(flags, 'level')?.toUpperCase();
  const pattern = grepOf(text(flags, 'grep'));
  return {
    ids,
    filter: {
      sources: [...ids],
      min_level: (level ?? 'LEVEL_UNSPECIFIED') as LogFilter['min_level'],
      since: instant(text(flags, 'since'), '--since', nowMs),
      until: instant(text(flags, 'until'), '--until', nowMs),
    },
    lines: count(text(flags, 'lines'), '-n', mostLines) ?? (flags['since'] === undefined ? defaultLines : mostLines),
    keep: pattern === undefined ? () => true : ({ message }) => pattern.test(message),
  };
}

function grepOf(pattern: string | undefined): RegExp | undefined {
  try {
    return pattern === undefined ? undefined : new RegExp(pattern);
  } catch (error) {
    throw usage(`--grep: ${error instanceof Error ? error.message : 'not a regular expression'}`);
  }
}

export interface Backlog {
  /** Oldest first. */
  readonly entries: LogEntry[];
  /** Of the newest entry that was looked at; empty when there was none. */
  readonly cursor: string;
  /** Whether it stopped looking before the beginning. */
  readonly cutShort: boolean;
}

/** The last lines that are wanted, looked for from the newest back. */
export async function backlog(agent: Agent, { filter, lines, keep }: LogQuery): Promise<Backlog> {
  const entries: LogEntry[] = [];
  let scanned = 0;
  let token = '';
  let cursor = '';
  do {
    const request = ListLogsRequest.fromPartial({ filter, order_by: 'time desc', page_size: 1000, page_token: token });
    const page = await unary(agent, agent.logs.listLogs.bind(agent.logs), request);
    cursor ||= page.entries[0]?.cursor ?? '';
    scanned += page.entries.length;
    entries.push(...page.entries.filter(keep).slice(0, lines - entries.length));
    token = page.next_page_token;
  } while (token !== '' && entries.length < lines && scanned < mostScanned);
  return { entries: entries.reverse(), cursor, cutShort: token !== '' && entries.length < lines };
}

/** An id that has neither a process nor a line is a mistake, which silence would hide. Throws Failure PROCESS_NOT_FOUND. */
export async function assertKnown(agent: Agent, ids: readonly string[], found: readonly LogEntry[]): Promise<void> {
  const written = new Set(found.map(({ source }) => source));
  for (const id of ids) if (id !== 'agent' && !written.has(id)) await assertOne(agent, id);
}

async function assertOne(agent: Agent, id: string): Promise<void> {
  // Lines that are older than those that were looked at make it known too.
  const request = ListLogsRequest.fromPartial({ filter: { sources: [id] }, page_size: 1 });
  if ((await unary(agent, agent.logs.listLogs.bind(agent.logs), request)).entries.length > 0) return;
  await unary(agent, agent.processes.getProcess.bind(agent.processes), GetProcessRequest.fromPartial({ id })).catch((error: unknown) => {
    if (error instanceof Failure && error.reason !== 'PROCESS_NOT_FOUND') return;
    throw error;
  });
}

/** Shows the backlog, then what comes, also over a restart of the agent. Throws Failure. */
export async function followLogs(
  context: Context,
  dialled: Dial,
  { query, show }: { readonly query: LogQuery; readonly show: (entry: LogEntry) => Promise<void> },
): Promise<void> {
  let cursor = '';
  const agent = dialled.connect();
  try {
    const found = await backlog(agent, query);
    await assertKnown(agent, query.ids, found.entries);
    cursor = found.cursor;
    for (const entry of found.entries) await show(entry);
  } finally {
    agent.close();
  }
  await follow<TailLogsResponse>(context, dialled, {
    // Without a cursor nothing had been written yet: all that is there by now is new.
    open: ({ logs, metadata }) =>
      logs.tailLogs(TailLogsRequest.fromPartial({ filter: query.filter, after_cursor: cursor, lines: cursor === '' ? 1000 : 0 }), metadata),
    take: async (message) => {
      const { dropped } = message;
      if (dropped !== undefined) context.io.stderr.write(`sboxagent: ${dropped.count} lines of ${printable(dropped.source)} were lost\n`);
      for (const entry of message.entries.filter(query.keep)) await show(entry);
      cursor = message.cursor || cursor;
    },
  });
}
