import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../telemetry/types.ts';
import { cleanText, type Redact, redactFields } from './clean.ts';
import type { Draft, SpoolMark, StoredEntry } from './entry.ts';
import { scan } from './query.ts';
import { createValueMasker, maskUuids } from './secret-values.ts';
import { openSpool, type Spool } from './spool.ts';
import type { Collection, LogStream, Logs, ParsedLine } from './types.ts';
import type { Writer } from './writer.ts';

/** Where the file system announces no change (some do not), the spools are looked at this often … */
const pollMs = 150;
/** … and only at every so many of these looks where it did. */
const announcedEvery = 7;
/** Lines of a run that are held for `lastLines` and `onLine`. */
const maxHeldLines = 250;
const maxHeldChars = 256 << 10;
/** How far back the store is searched for what was stored after the last note. */
const maxMarkScan = 50_000;
const markSlackMs = 10_000;
const partialAfterMs = 1000;
const maxAheadMs = 5000;
const maxBehindMs = 86_400_000;

type CollectOptions = Parameters<Logs['collect']>[0];

export interface RunningCollection extends Collection {
  /** The agent stops, the process goes on: all whole lines are stored, a half one is left for the next agent. */
  stop(): Promise<void>;
}

interface Context {
  readonly writer: Writer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly redact: Redact;
  /** The mask for the lines that are read now. */
  readonly masker: () => Redact;
  readonly options: CollectOptions;
}

interface Side {
  readonly stream: LogStream;
  readonly spool: Spool;
  /** When something was read of it last. */
  readMs: number;
}

/** Follows the spools of one run. Never throws: what cannot be read is logged once and tried again. */
export function collect(given: Omit<Context, 'masker'>): RunningCollection {
  const context = { ...given, masker: maskerOf(given.redact, given.options.secrets) };
  const { options, clock } = context;
  const held = createHeldLines();
  let sides: readonly Side[] | undefined;
  let watcher: FSWatcher | undefined;
  let quiet = true;
  /** Nothing moved in two rounds: what a quiet spool is owed was done. */
  let settled = false;
  let isResting = false;
  let isAnnounced = false;
  let looks = 0;
  let warned = false;
  let again = false;
  let ending: Promise<void> | undefined;
  let working: Promise<void> | undefined;

  const round = async (): Promise<void> => {
    sides ??= await openSides(context, held.push);
    let moved = false;
    for (let more = true; more; ) {
      more = false;
      for (const side of sides) more = (await context.writer.slices(() => take(context, side, held.push))) || more;
      moved ||= more;
      // Whoever else has work gets his turn: a flood is taken in slices.
      if (more) await setImmediate();
    }
    for (const side of sides) {
      await storeRest(context, side, held.push);
      side.spool.note();
      await side.spool.free(quiet && !moved);
    }
    settled = quiet && !moved;
    quiet = !moved;
  };
  const work = async (): Promise<void> => {
    do {
      again = false;
      try {
        await round();
      } catch (error) {
        if (!warned) context.logger.warn({ error, source: options.source }, 'the output of a process cannot be read');
        warned = true;
      }
    } while (again);
  };
  const wake = (): Promise<void> => {
    isResting = false;
    again = true;
    working ??= work().finally(() => {
      working = undefined;
    });
    return working;
  };
  const end = async (forget: boolean): Promise<void> => {
    cancelPoll();
    watcher?.close();
    await wake();
    for (const side of sides ?? []) {
      const rest = forget ? side.spool.rest(false) : undefined;
      if (rest) await store(context, side, [rest], held.push);
      if (!forget) side.spool.note();
      await side.spool.close(forget).catch(() => undefined);
    }
    sides = [];
  };

  const poll = (): void => {
    looks += 1;
    if (isResting && isAnnounced && looks % announcedEvery !== 0) return;
    isResting = settled && sides?.every(({ spool }) => spool.isIdle()) === true;
    if (!isResting) void wake();
  };
  const cancelPoll = clock.every(pollMs, poll);
  watcher = watchSpools(options, () => {
    isAnnounced = true;
    void wake();
  });
  void wake();
  return {
    drain: () => {
      ending ??= end(true);
      return ending;
    },
    stop: () => {
      ending ??= end(false);
      return ending;
    },
    lastLines: held.last,
    onLine: held.onLine,
  };
}

async function openSides(context: Context, hold: (line: string) => void): Promise<readonly Side[]> {
  const { options } = context;
  const { punchHole } = options;
  const readMs = context.clock.monotonicMs();
  const stdout = await openSpool(options.stdoutPath, punchHole);
  const sides: Side[] = [{ stream: 'STDOUT', spool: stdout, readMs }];
  // Both streams may go to one file.
  if (options.stderrPath !== options.stdoutPath) {
    sides.push({ stream: 'STDERR', spool: await openSpool(options.stderrPath, punchHole), readMs });
  }
  if (sides.some(({ spool }) => spool.resumedMs !== undefined)) await resume(context, sides, hold);
  return sides;
}

/**
 * Goes on where the agent before this one stopped. Lines are stored before the note is written, so the store may know more than the note: each
 * stored line has the place in its spool.
 */
async function resume(context: Context, sides: readonly Side[], hold: (line: string) => void): Promise<void> {
  const marks = new Map<string, SpoolMark>();
  const notedMs = Math.min(...sides.map(({ spool }) => spool.resumedMs ?? Number.POSITIVE_INFINITY));
  const keys = new Set(sides.map(({ spool }) => spool.key));
  const ofRun: string[] = [];
  let looked = 0;
  const look = (entry: StoredEntry): boolean => {
    looked += 1;
    const { mark } = entry;
    if (mark && keys.has(mark.key)) {
      if (!marks.has(mark.key)) marks.set(mark.key, mark);
      if (ofRun.length < maxHeldLines) ofRun.push(entry.message);
    }
    const found = marks.size === keys.size || entry.timeMs < notedMs - markSlackMs;
    return looked < maxMarkScan && !(found && looked >= maxHeldLines);
  };
  await scan(context.writer.shelf(), { filter: { sources: [context.options.source] }, order: 'desc' }, look);
  for (const { spool } of sides) {
    const mark = marks.get(spool.key);
    if (mark) spool.resume(mark);
  }
  for (const line of ofRun.reverse()) hold(line);
}

/** Reads and stores a chunk; false when there was nothing. */
async function take(context: Context, side: Side, hold: (line: string) => void): Promise<boolean> {
  const got = await side.spool.read();
  if (got === undefined) return false;
  side.readMs = context.clock.monotonicMs();
  context.writer.dropped(context.options.source, got.dropped);
  await store(context, side, got.lines, hold);
  return true;
}

/** A line that has not ended is shown when nothing came for a second: a prompt, the last words before a hang. */
async function storeRest(context: Context, side: Side, hold: (line: string) => void): Promise<void> {
  if (context.clock.monotonicMs() - side.readMs < partialAfterMs) return;
  const rest = side.spool.rest(true);
  if (rest) await store(context, side, [rest], hold);
}

type ReadLine = NonNullable<ReturnType<Spool['rest']>>;

async function store(context: Context, side: Side, lines: readonly ReadLine[], hold: (line: string) => void): Promise<void> {
  const timeMs = context.clock.wallMs();
  const redact = context.masker();
  const drafts = lines.map((line) => {
    const text = redact(cleanText(line.bytes));
    hold(text);
    return draft({ context, side, line, text, timeMs, redact });
  });
  await context.writer.append(drafts);
}

function draft(of: { context: Context; side: Side; line: ReadLine; text: string; timeMs: number; redact: Redact }): Draft {
  const { options } = of.context;
  const parsed = parse(options.parse, of.text);
  return {
    timeMs: timeOf(parsed.timeMs, of.timeMs),
    source: options.source,
    level: parsed.level ?? 'INFO',
    message: parsed.message ?? of.text,
    stream: of.side.stream,
    pid: options.pid,
    traceId: parsed.traceId ?? '',
    spanId: parsed.spanId ?? '',
    fields: parsed.fields && redactFields(parsed.fields, of.redact),
    truncated: of.line.truncated,
    partial: of.line.partial,
    mark: of.line.mark,
  };
}

/** The line's own time where it can be: a clock or a zone that is wrong must not put it into the future, or out of the retention. */
function timeOf(saidMs: number | undefined, readMs: number): number {
  const plausible = saidMs !== undefined && saidMs <= readMs + maxAheadMs && saidMs >= readMs - maxBehindMs;
  return plausible ? saidMs : readMs;
}

function parse(fn: CollectOptions['parse'], text: string): ParsedLine {
  try {
    return fn?.(text) ?? {};
  } catch {
    // A line that an engine's parser cannot take is still a line.
    return {};
  }
}

/**
 * All masks in one: names and URLs, what the configuration in force calls a secret, ids of users. The configuration is looked at once for the lines that
 * are read together.
 */
function maskerOf(redact: Redact, secrets: CollectOptions['secrets']): () => Redact {
  let known: readonly string[] | undefined;
  let values: Redact = (text) => text;
  return () => {
    const now = secrets?.();
    if (now !== known) {
      known = now;
      values = createValueMasker(now ?? []);
    }
    return (text) => maskUuids(redact(values(text)));
  };
}

function watchSpools(options: CollectOptions, wake: () => void): FSWatcher | undefined {
  const names = new Set([basename(options.stdoutPath), basename(options.stderrPath)]);
  try {
    const watcher = watch(dirname(options.stdoutPath), { persistent: false }, (_, name) => {
      if (name === null || names.has(name)) wake();
    });
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    // No inotify left: the poll does it alone.
    return undefined;
  }
}

function createHeldLines(): {
  push(line: string): void;
  last(count: number): readonly string[];
  onLine(fn: (line: string) => void): () => void;
} {
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  let chars = 0;
  return {
    push(line) {
      lines.push(line);
      chars += line.length;
      while (lines.length > maxHeldLines || chars > maxHeldChars) chars -= lines.shift()?.length ?? chars;
      for (const fn of listeners) tell(fn, line);
    },
    last: (count) => (count > 0 ? lines.slice(-count) : []),
    onLine(fn) {
      for (const line of lines) tell(fn, line);
      listeners.add(fn);
      return () => void listeners.delete(fn);
    },
  };
}

/** A listener that fails must not cost the line. */
function tell(fn: (line: string) => void, line: string): void {
  try {
    fn(line);
  } catch {
    // Its own matter.
  }
}
