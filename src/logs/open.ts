import { mkdir } from 'node:fs/promises';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { pullFeed } from '../kernel/feed.ts';
import { ownLogSource } from '../kernel/own-names.ts';
import type { Logger, Metrics } from '../telemetry/types.ts';
import { cutBytes, maxMessageBytes, type Redact, redactFields } from './clean.ts';
import { collect, type RunningCollection } from './collect.ts';
import { createLogFeed } from './feed.ts';
import { list } from './query.ts';
import type { Keep } from './source-files.ts';
import type { Logs } from './types.ts';
import { openWriter, type Writer } from './writer.ts';

/** The source of the agent's own log. */
/** Fields of one line, as JSON; longer ones are left out. */
const maxFieldBytes = 16 << 10;

export interface LogsOptions extends Keep {
  /** `<state_dir>/logs`; made when it is not there. */
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Masks secrets in a text before it is stored. */
  readonly redact: Redact;
}

export interface OpenLogs extends Logs {
  /** Takes effect at once. */
  setRetention(keep: Keep): void;
  /** Stores what is read, leaves half lines to the next agent, closes all files. Idempotent. */
  stop(): Promise<void>;
}

export async function openLogs(options: LogsOptions): Promise<OpenLogs> {
  const { dir, clock, logger, metrics, redact } = options;
  let keep: Keep = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const collections = new Map<RunningCollection, string>();
  let opened: Writer | undefined;
  const feed = createLogFeed(clock, () => opened);
  const writer = await openWriter({
    ...{ dir, clock, logger, metrics },
    keep: () => keep,
    onRemove: feed.removing,
    fellOut: feed.fellOut,
    inUse: (source) => source === ownLogSource || [...collections.values()].includes(source),
  });
  opened = writer;
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await Promise.all([...collections.keys()].map((collection) => collection.stop()));
    await writer.stop();
  };
  return {
    collect(run) {
      const running = collect({ writer, clock, logger, redact, options: run });
      collections.set(running, run.source);
      const drain = async (): Promise<void> => {
        await running.drain();
        collections.delete(running);
      };
      return { drain, lastLines: running.lastLines, onLine: running.onLine };
    },
    ingest: (line) => ingest(writer, redact, line),
    settled: writer.settled,
    ingestOwn: (line) => ingest(writer, redact, { ...line, source: ownLogSource, stream: 'STDOUT', pid: process.pid }),
    async list(query) {
      checkCursor(query.cursor);
      return list(writer.shelf(), query);
    },
    feed: feed.open,
    tail: ({ signal, ...query }) => pullFeed(feed.open(query), signal),
    health: writer.health,
    setRetention(next) {
      keep = next;
      void writer.tidy();
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

function ingest(writer: Writer, redact: Redact, line: Parameters<Logs['ingest']>[0]): void {
  const bytes = Buffer.from(line.message);
  const fields = line.fields ?? {};
  const tooLong = JSON.stringify(fields).length > maxFieldBytes;
  const truncated = line.truncated === true || bytes.length > maxMessageBytes || tooLong;
  writer.offer({
    ...line,
    message: redact(bytes.length > maxMessageBytes ? cutBytes(bytes).toString('utf8') : line.message),
    fields: tooLong || Object.keys(fields).length === 0 ? undefined : redactFields(fields, redact),
    truncated,
    partial: false,
  });
}

function checkCursor(cursor: number | undefined): void {
  if (cursor === undefined || (Number.isSafeInteger(cursor) && cursor >= 0)) return;
  throw new AgentError('CURSOR_INVALID', `log cursor ${cursor} is not one that this agent gave out`, {
    metadata: { cursor: String(cursor) },
  });
}
