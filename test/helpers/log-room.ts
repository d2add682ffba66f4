import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/kernel/clock.ts';
import { type LogEntry, type LogsOptions, type OpenLogs, openLogs } from '../../src/logs/index.ts';
import type { Logger, Metrics } from '../../src/telemetry/types.ts';

/** Counters by `name{source}`; everything else is ignored. */
export function countingMetrics(): { readonly metrics: Metrics; readonly value: (name: string, source: string) => number } {
  const values = new Map<string, number>();
  const metrics: Metrics = {
    counter: (name) => ({
      add(n, labels) {
        const key = `${name}{${labels?.['source'] ?? ''}}`;
        values.set(key, (values.get(key) ?? 0) + n);
      },
    }),
    histogram: () => ({ record() {} }),
    observe() {},
    prometheus: () => Promise.resolve(''),
  };
  return { metrics, value: (name, source) => values.get(`${name}{${source}}`) ?? 0 };
}

export function quietLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const add = (_: object, message: string): void => void lines.push(message);
  const logger = { lines, trace: add, debug: add, info: add, warn: add, error: add, fatal: add, child: () => logger };
  return logger;
}

export interface LogRoom {
  readonly dir: string;
  readonly logger: ReturnType<typeof quietLogger>;
  readonly counted: ReturnType<typeof countingMetrics>;
  readonly logs: OpenLogs;
  /** Spool files of one run, made empty. */
  spools(run: string): { readonly stdoutPath: string; readonly stderrPath: string };
  /** Stops the logs and opens them anew on the same directory. */
  reopen(): Promise<OpenLogs>;
  close(): Promise<void>;
}

/** A log room in a directory of its own. */
export async function openLogRoom(options: Partial<LogsOptions> = {}): Promise<LogRoom> {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-logs-'));
  const logger = quietLogger();
  const counted = countingMetrics();
  const open = (): Promise<OpenLogs> =>
    openLogs({
      dir: join(dir, 'logs'),
      retentionMs: 3_600_000,
      maxBytesPerSource: 100 << 20,
      files: 10,
      clock: systemClock,
      logger,
      metrics: counted.metrics,
      redact: (text) => text.replace(/(password|token)=\S+/g, '$1=***'),
      ...options,
    });
  let logs = await open();
  return {
    dir,
    logger,
    counted,
    get logs() {
      return logs;
    },
    spools(run) {
      const stdoutPath = join(dir, `${run}.stdout`);
      const stderrPath = join(dir, `${run}.stderr`);
      writeFileSync(stdoutPath, '', { flag: 'a' });
      writeFileSync(stderrPath, '', { flag: 'a' });
      return { stdoutPath, stderrPath };
    },
    async reopen() {
      await logs.stop();
      logs = await open();
      return logs;
    },
    async close() {
      await logs.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** All pages of a list, oldest first unless asked otherwise; one page where its size is given. */
export async function allEntries(logs: OpenLogs, query: Partial<Parameters<OpenLogs['list']>[0]> = {}): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  let { cursor } = query;
  do {
    const page: Awaited<ReturnType<OpenLogs['list']>> = await logs.list({
      ...{ order: 'asc', pageSize: 1000, ...query },
      ...(cursor !== undefined && { cursor }),
    });
    all.push(...page.entries);
    cursor = query.pageSize === undefined ? page.nextCursor : undefined;
  } while (cursor !== undefined);
  return all;
}

/** Waits until `fn` answers something truthy, at most 5 s. */
export async function eventually<T>(fn: () => T | Promise<T>): Promise<T> {
  for (const end = performance.now() + 30_000; ; ) {
    const value = await fn();
    if (value || performance.now() > end) return value;
    await systemClock.sleep(10);
  }
}
