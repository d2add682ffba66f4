import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../telemetry/types.ts';
import { cleanText, type Redact, redactFields } from './clean.ts';
import type { Draft, SpoolMark, StoredEntry } from './entry.ts';
import { maxHeldLines } from './held-lines.ts';
import { scan } from './query.ts';
import { openSpool, type Spool } from './spool.ts';
import type { LogStream, Logs, ParsedLine } from './types.ts';
import type { Writer } from './writer.ts';

/** How far back the store is searched for what was stored after the last note. */
const maxMarkScan = 50_000;
const markSlackMs = 10_000;
/** A line that has not ended is stored as a part when nothing came for so long: a prompt, the last words before a hang. */
const partialAfterMs = 1000;
/** A line's own time counts when it is not further from ours than this. */
const maxAheadMs = 5000;
const maxBehindMs = 86_400_000;

export type CollectOptions = Parameters<Logs['collect']>[0];

export interface RunReaderContext {
  readonly writer: Writer;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The mask for the lines that are read now. */
  readonly masker: () => Redact;
  readonly options: CollectOptions;
  /** Is given each line as it is stored. */
  readonly hold: (line: string) => void;
}

/** Reads the spools of one run into the store. */
export interface RunReader {
  /** Stores all that is there; rejects where it cannot be read. */
  round(): Promise<void>;
  isIdle(): boolean;
  isOwed(): boolean;
  /** `forget`: the run has ended, and half a line is a line; else the next agent goes on. */
  close(forget: boolean): Promise<void>;
}

interface Side {
  readonly stream: LogStream;
  readonly spool: Spool;
  /** When something was read of it last. */
  readMs: number;
}

export function createRunReader(context: RunReaderContext): RunReader {
  let sides: readonly Side[] | undefined;
  let isQuiet = true;
  /** Nothing moved in two rounds: what a quiet spool is owed was done. */
  let isSettled = false;
  const takeAll = async (open: readonly Side[]): Promise<boolean> => {
    let moved = false;
    for (let more = true; more; ) {
      more = false;
      for (const side of open) more = (await context.writer.slices(() => take(context, side))) || more;
      moved ||= more;
      // Whoever else has work gets his turn: a flood is taken in slices.
      if (more) await setImmediate();
    }
    return moved;
  };
  const isIdle = (): boolean => sides?.every(({ spool }) => spool.isIdle()) === true;
  return {
    async round() {
      isSettled = false;
      sides ??= await openSides(context);
      const moved = await takeAll(sides);
      for (const side of sides) {
        await storeRest(context, side);
        side.spool.note();
        await side.spool.free(isQuiet && !moved);
      }
      isSettled = isQuiet && !moved && isIdle();
      isQuiet = !moved;
    },
    isIdle,
    isOwed: () => !isSettled,
    async close(forget) {
      for (const side of sides ?? []) {
        const rest = forget ? side.spool.rest(false) : undefined;
        if (rest) await store(context, side, [rest]);
        if (!forget) side.spool.note();
        closeSpool(side, forget);
      }
      sides = [];
    },
  };
}

async function openSides(context: RunReaderContext): Promise<readonly Side[]> {
  const { clock, logger, options } = context;
  const { punchHole, stdoutPath, stderrPath, source } = options;
  const readMs = clock.monotonicMs();
  const sides: Side[] = [{ stream: 'STDOUT', spool: openSpool(stdoutPath, punchHole), readMs }];
  try {
    // Both streams may go to one file.
    if (stderrPath !== stdoutPath) sides.push({ stream: 'STDERR', spool: openSpool(stderrPath, punchHole), readMs });
  } catch (error) {
    // It is tried again soon: a descriptor that stayed open would be one more each time.
    for (const side of sides) closeSpool(side, false);
    throw error;
  }
  if (sides.some(({ spool }) => spool.resumedMs !== undefined)) {
    await resume(context, sides).catch((error: unknown) =>
      logger.warn({ error, source }, 'what is stored of a process cannot be read; some of its lines may come twice'),
    );
  }
  return sides;
}

function closeSpool({ spool }: Side, forget: boolean): void {
  try {
    spool.close(forget);
  } catch {
    // Its file may be gone with the directory of the unit.
  }
}

/**
 * Goes on where the agent before this one stopped. Lines are stored before the note is written, so the store may know more than the note: each
 * stored line has the place in its spool.
 */
async function resume(context: RunReaderContext, sides: readonly Side[]): Promise<void> {
  const marks = new Map<string, SpoolMark>();
  const notedMs = Math.min(...sides.map(({ spool }) => spool.resumedMs ?? Number.POSITIVE_INFINITY));
  const keys = new Set(sides.map(({ spool }) => spool.key));
  const ofRun: string[] = [];
  let scanned = 0;
  const visit = (entry: StoredEntry): boolean => {
    scanned += 1;
    const { mark } = entry;
    if (mark && keys.has(mark.key)) {
      if (!marks.has(mark.key)) marks.set(mark.key, mark);
      if (ofRun.length < maxHeldLines) ofRun.push(entry.message);
    }
    const found = marks.size === keys.size || entry.timeMs < notedMs - markSlackMs;
    return scanned < maxMarkScan && !(found && scanned >= maxHeldLines);
  };
  await scan(context.writer.shelf(), { filter: { sources: [context.options.source] }, order: 'desc' }, visit);
  for (const { spool } of sides) {
    const mark = marks.get(spool.key);
    if (mark) spool.resume(mark);
  }
  for (const line of ofRun.reverse()) context.hold(line);
}

/** Reads and stores a chunk; false when there was nothing. */
async function take(context: RunReaderContext, side: Side): Promise<boolean> {
  const chunk = await side.spool.read();
  if (chunk === undefined) return false;
  side.readMs = context.clock.monotonicMs();
  context.writer.dropped(context.options.source, chunk.dropped);
  await store(context, side, chunk.lines);
  return true;
}

async function storeRest(context: RunReaderContext, side: Side): Promise<void> {
  if (context.clock.monotonicMs() - side.readMs < partialAfterMs) return;
  const rest = side.spool.rest(true);
  if (rest) await store(context, side, [rest]);
}

type ReadLine = NonNullable<ReturnType<Spool['rest']>>;

async function store(context: RunReaderContext, side: Side, lines: readonly ReadLine[]): Promise<void> {
  const timeMs = context.clock.wallMs();
  const redact = context.masker();
  const drafts = lines.map((line) => {
    const text = redact(cleanText(line.bytes));
    context.hold(text);
    return draftOf({ options: context.options, side, line, text, timeMs, redact });
  });
  await context.writer.append(drafts);
}

interface DraftSource {
  readonly options: CollectOptions;
  readonly side: Side;
  readonly line: ReadLine;
  readonly text: string;
  readonly timeMs: number;
  readonly redact: Redact;
}

function draftOf({ options, side, line, text, timeMs, redact }: DraftSource): Draft {
  const parsed = parse(options.parse, text);
  return {
    timeMs: timeOf(parsed.timeMs, timeMs),
    source: options.source,
    level: parsed.level ?? 'INFO',
    message: parsed.message ?? text,
    stream: side.stream,
    pid: options.pid,
    traceId: parsed.traceId ?? '',
    spanId: parsed.spanId ?? '',
    fields: parsed.fields && redactFields(parsed.fields, redact),
    truncated: line.truncated,
    partial: line.partial,
    mark: line.mark,
  };
}

/** The line's own time where it can be: a clock or a zone that is wrong must not put it into the future, or out of the retention. */
function timeOf(ownMs: number | undefined, readMs: number): number {
  const plausible = ownMs !== undefined && ownMs <= readMs + maxAheadMs && ownMs >= readMs - maxBehindMs;
  return plausible ? ownMs : readMs;
}

function parse(fn: CollectOptions['parse'], text: string): ParsedLine {
  try {
    return fn?.(text) ?? {};
  } catch {
    // A line that an engine's parser cannot take is still a line.
    return {};
  }
}
