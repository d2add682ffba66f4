import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { Journal, JsonObject, NewEvent } from '../../events/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { redactText } from '../../kernel/redaction.ts';
import type { Logs } from '../../logs/index.ts';
import { findBinary, runAttached } from '../../processes/index.ts';
import type { Logger } from '../../telemetry/index.ts';
import { createOutput, logSource } from './output.ts';

export type RunResult = 'success' | 'failure' | 'timeout';

export interface RunContext {
  readonly publisher: Pick<Journal, 'publish' | 'emit'>;
  readonly logs: Pick<Logs, 'ingest'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What a run is lent of the daemon's environment is chosen from this. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where it runs; made when it is not there. */
  readonly directory: string;
}

export interface RunOptions {
  readonly command: readonly string[];
  readonly timeoutMs: number;
  /** Ends the run early. */
  readonly signal: AbortSignal;
}

export interface RunOutcome {
  readonly result: RunResult;
  readonly seconds: number;
  /** For a person, where it failed. */
  readonly message: string;
}

/** After its time a run is asked to end, and killed when it does not within this. */
const graceMs = 2_000;
/** Events of a run go to the journal in groups of at most so many. */
const batchEvents = 100;

/** Names of the environment that a run of sboxmgr is lent, besides its own settings (`SBOXMGR_…`) and the proxies. */
const lent =
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|XDG_\w+|VIRTUAL_ENV|PYTHON\w+|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|NO_COLOR|SINGBOX_URL|SBOXMGR_\w+|SBOXAGENT_TARGET|(?:https?|all|no)_proxy)$/i;

/** Runs sboxmgr once and tells how it went: `schedule.finished` or `schedule.failed`. Never rejects. */
export async function runOnce(context: RunContext, { command, timeoutMs, signal }: RunOptions): Promise<RunOutcome> {
  const { publisher, clock, logger } = context;
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  const beganMs = clock.monotonicMs();
  const events = createEventQueue(context);
  const output = createOutput({ logs: context.logs, clock, traceId, spanId, onEvent: events.push });
  const limits = startLimits(clock, timeoutMs, signal);
  const told = { command: redactText(command.join(' ')) };
  const end = async (result: RunResult, message: string, facts: JsonObject): Promise<RunOutcome> => {
    limits.stop();
    output.end();
    await events.drained();
    const seconds = (clock.monotonicMs() - beganMs) / 1000;
    const { dropped_events: dropped, ...counts } = output.facts();
    const lost = dropped + events.lost();
    const data = { ...told, ...facts, result, duration_ms: Math.round(seconds * 1000), ...counts, dropped_events: lost };
    const failed = { message, log_lines: output.lastLines() };
    publisher.emit({
      type: result === 'success' ? 'schedule.finished' : 'schedule.failed',
      severity: result === 'success' ? 'INFO' : 'ERROR',
      subject: logSource,
      traceId,
      spanId,
      data: result === 'success' ? data : { ...data, ...failed },
    });
    logger[result === 'success' ? 'info' : 'warn'](
      { result, seconds, trace_id: traceId, ...(message && { message }) },
      'a run of sboxmgr ended',
    );
    return { result, seconds, message };
  };
  const [name = '', ...args] = command;
  const program = findBinary(name, context.environment['PATH'] ?? '', '/');
  if (program === undefined) {
    return end('failure', `${name} is not there`, { hint: `Install ${name}, or give its absolute path in sboxmgr.schedule.command.` });
  }
  try {
    await mkdir(context.directory, { recursive: true, mode: 0o700 });
    const { code, killedBy } = await runAttached({
      argv: [program, ...args],
      env: { ...environmentOf(context.environment), TRACEPARENT: `00-${traceId}-${spanId}-01` },
      cwd: context.directory,
      signal: limits.kill,
      ask: limits.ask,
      onOutput: output.take,
    });
    output.end();
    if (limits.late()) return await end('timeout', `it did not end within ${timeoutMs / 1000} s`, { hint: lateHint });
    const facts = { ...(code !== undefined && { code }), ...(killedBy !== undefined && { signal: killedBy }) };
    if (code === 0) return await end('success', '', facts);
    if (signal.aborted) return await end('failure', 'the agent stopped', facts);
    const hint = code === 2 && output.said(/No such command/i) ? noSuchCommand : undefined;
    return await end('failure', killedBy === undefined ? `exit code ${code}` : `ended by ${killedBy}`, { ...facts, ...(hint && { hint }) });
  } catch (error) {
    if (limits.late()) return end('timeout', `it did not end within ${timeoutMs / 1000} s and was killed`, { hint: lateHint });
    if (signal.aborted) return end('failure', 'the agent stopped', {});
    return end('failure', `it could not be run: ${error instanceof Error ? error.message : String(error)}`, {});
  }
}

const lateHint = 'Raise sboxmgr.schedule.timeout, or look in the log of sboxmgr what it waits for.';
const noSuchCommand =
  'sboxctl has no such command (there is no update, status or json): `sboxctl --help` lists them, `sboxctl export` makes a configuration; correct sboxmgr.schedule.command.';

function environmentOf(environment: RunContext['environment']): Record<string, string> {
  const kept = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && lent.test(entry[0]));
  return Object.fromEntries(kept);
}

interface Limits {
  readonly ask: AbortSignal;
  readonly kill: AbortSignal;
  /** Whether it was ended because of its time. */
  late(): boolean;
  stop(): void;
}

function startLimits(clock: Clock, timeoutMs: number, signal: AbortSignal): Limits {
  const [ask, kill] = [new AbortController(), new AbortController()];
  let late = false;
  let cancelKill = (): void => {};
  const over = (): void => {
    if (ask.signal.aborted) return;
    ask.abort();
    cancelKill = clock.after(graceMs, () => kill.abort(new Error('killed')));
  };
  const cancelTimeout = clock.after(timeoutMs, () => {
    late = true;
    over();
  });
  signal.addEventListener('abort', over, { once: true });
  if (signal.aborted) over();
  return {
    ask: ask.signal,
    kill: kill.signal,
    late: () => late,
    stop() {
      cancelTimeout();
      cancelKill();
      signal.removeEventListener('abort', over);
    },
  };
}

/** Events on their way to the journal, in order; bounded by what one run may write. What the journal refuses is counted. */
function createEventQueue({ publisher, logger }: RunContext): { push(event: NewEvent): void; drained(): Promise<void>; lost(): number } {
  let waiting: NewEvent[] = [];
  let lost = 0;
  let running: Promise<void> | undefined;
  /** One bad event must not take the others of its group with it. */
  const publish = async (batch: readonly NewEvent[]): Promise<void> => {
    try {
      await publisher.publish(batch, { source: logSource });
    } catch (error) {
      if (batch.length > 1) {
        for (const event of batch) await publish([event]);
        return;
      }
      lost += 1;
      logger.warn({ err: error, type: batch[0]?.type }, 'an event of a run of sboxmgr was not stored');
    }
  };
  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchEvents);
      waiting = waiting.slice(batchEvents);
      await publish(batch);
    }
    running = undefined;
  };
  return {
    push(event) {
      waiting.push(event);
      running ??= Promise.resolve().then(drain);
    },
    drained: () => running ?? Promise.resolve(),
    lost: () => lost,
  };
}
