import type { LogEntry, LogFilter } from '../../../gen/ts/sboxagent/v1/log.ts';
import { ListLogsRequest, TailLogsRequest, type TailLogsResponse } from '../../../gen/ts/sboxagent/v1/log_service.ts';
import { GetProcessRequest } from '../../../gen/ts/sboxagent/v1/process_service.ts';
import { type Agent, dial, unary } from '../agent.ts';
import type { Flags, Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { printable } from '../escape.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { count, instant, text } from '../flags.ts';
import { follow } from '../follow.ts';
import { write } from '../io.ts';
import { print, printEntry, styleOf } from '../output.ts';
import { type Colour, paint, type Style } from '../table.ts';
import { textWidth } from '../text-width.ts';

const defaultLines = 100;
const mostLines = 100_000;
/** How far back --grep looks for the lines it was asked for. */
const mostScanned = 200_000;

interface Query {
  readonly ids: readonly string[];
  readonly filter: Partial<LogFilter>;
  readonly lines: number;
  readonly keep: (entry: LogEntry) => boolean;
}

function queryOf(context: Context, ids: readonly string[], flags: Flags): Query {
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

interface Backlog {
  /** Oldest first. */
  readonly entries: LogEntry[];
  /** Of the newest entry that was looked at; empty when there was none. */
  readonly cursor: string;
  /** Whether it stopped looking before the beginning. */
  readonly cutShort: boolean;
}

/** The last lines that are wanted, looked for from the newest back. */
async function backlog(agent: Agent, { filter, lines, keep }: Query): Promise<Backlog> {
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
async function assertKnown(agent: Agent, ids: readonly string[], found: readonly LogEntry[]): Promise<void> {
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

const levelColours: Partial<Record<LogEntry['level'], Colour>> = { WARN: 'yellow', ERROR: 'red', FATAL: 'red', DEBUG: 'dim', TRACE: 'dim' };

const sourceColours: readonly Colour[] = ['cyan', 'magenta', 'blue', 'green', 'yellow'];

/** Writes an entry as a line; of several sources each has its colour, and its name the width of the longest. */
function rowWriter(ids: readonly string[], style: Style): (entry: LogEntry) => string {
  const known = [...ids];
  const width = Math.max(0, ...(ids.length > 1 ? ids.map(textWidth) : []));
  const sourceColour = (source: string): Colour | undefined => {
    if (ids.length === 1) return undefined;
    if (!known.includes(source)) known.push(source);
    return sourceColours[known.indexOf(source) % sourceColours.length];
  };
  return ({ time, source, level, message, truncated }) => {
    const name = level === 'LEVEL_UNSPECIFIED' ? '-' : level;
    const from = printable(source);
    const padded = paint(from, sourceColour(source), style) + ' '.repeat(Math.max(0, width - textWidth(from)));
    return `${time ?? '-'}  ${paint(name.padEnd(5), levelColours[level], style)}  ${padded}  ${printable(message)}${truncated ? ' […]' : ''}\n`;
  };
}

async function listOnce(context: Context, query: Query): Promise<number> {
  const agent = (await dial(context)).connect();
  try {
    const { entries, cutShort } = await backlog(agent, query);
    await assertKnown(agent, query.ids, entries);
    const row = rowWriter(query.ids, await styleOf(context));
    if (entries.length === 0 && context.io.terminal && context.options.output === 'table')
      await write(context.io.stderr, 'No line matches.\n');
    await print(context, entries, () => entries.map(row).join(''));
    if (cutShort) context.io.stderr.write(`sboxagent: looked through the last ${mostScanned} lines only; narrow it with --since\n`);
    return EXIT.done;
  } finally {
    agent.close();
  }
}

async function followLogs(context: Context, query: Query): Promise<number> {
  const dialled = await dial(context);
  const row = rowWriter(query.ids, await styleOf(context));
  const show = (entry: LogEntry): Promise<void> => printEntry(context, entry, () => row(entry));
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
  return EXIT.done;
}

export const logs: Handler = (context, ids, flags) => {
  if (flags['follow'] === true && flags['until'] !== undefined) throw usage('--until and --follow exclude each other');
  const query = queryOf(context, ids, flags);
  return flags['follow'] === true ? followLogs(context, query) : listOnce(context, query);
};
