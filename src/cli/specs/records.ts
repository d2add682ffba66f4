import { type CommandSpec, type FlagSpec, follow } from '../command-spec.ts';

const severities = ['debug', 'info', 'warning', 'error', 'critical'];
const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

export const since: FlagSpec = { flags: '--since <time>', summary: 'not older than this: 10m ago, or 2026-11-29T10:00:00Z' };

/** What is chosen of log lines. */
export const logFlags: readonly FlagSpec[] = [
  follow,
  { flags: '-n, --lines <count>', summary: 'that many of the last lines (default: 100; all with --since)' },
  { flags: '--level <level>', summary: 'this level and above', values: levels },
  since,
  { flags: '--until <time>', summary: 'not newer than this' },
  { flags: '--grep <regexp>', summary: 'only lines that match this regular expression' },
];

export const eventTypeFlag: FlagSpec = {
  flags: '--type <glob...>',
  summary: 'only these types: * within a segment, ** across, e.g. process.**',
  completes: 'event-type',
};

/** What was written and what happened. */
export const recordCommands: readonly CommandSpec[] = [
  {
    name: 'logs',
    summary: 'show what processes and the agent wrote, oldest first',
    args: '[id...]',
    completes: ['log-source'],
    flags: logFlags,
    load: async () => (await import('../commands/logs.ts')).logs,
  },
  {
    name: 'events',
    summary: 'show events, oldest first',
    flags: [
      follow,
      eventTypeFlag,
      { flags: '--source <name...>', summary: 'only of these sources' },
      { flags: '--subject <name...>', summary: 'only about these subjects, e.g. the id of a process', completes: 'process' },
      { flags: '--severity <severity>', summary: 'this severity and above', values: severities },
      since,
      { flags: '--until <time>', summary: 'not newer than this' },
      { flags: '--after <revision>', summary: 'those after this revision; 0 from the oldest kept' },
      {
        flags: '-n, --lines <count>',
        summary: 'that many of the last (default: 100; all with --since; none with -f), with --after of the first (default: all)',
      },
    ],
    load: async () => (await import('../commands/events.ts')).events,
  },
  {
    name: 'trace',
    summary: 'show what happened under a trace id as a tree of spans, events and log lines; without an id list the traces',
    args: '[id]',
    completes: ['trace'],
    flags: [
      { flags: '--method <glob...>', summary: 'only traces with these calls or this work, e.g. RestartProcess or process.*' },
      { flags: '--errors', summary: 'only traces with an error' },
      { flags: '--min-duration <duration>', summary: 'only traces that took so long, e.g. 500ms' },
      { flags: '--since <duration>', summary: 'not older than this, e.g. 10m' },
      { flags: '--grep <text>', summary: 'only traces with this text in a span' },
      { flags: '-n, --lines <count>', summary: 'that many of the last (default: 20)' },
    ],
    load: async () => (await import('../commands/trace.ts')).trace,
  },
];
