import { mkdir } from 'node:fs/promises';
import type { Journal, JsonObject } from '../../events/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { newSpanId, newTraceId } from '../../kernel/ids.ts';
import { standardRedactor } from '../../kernel/redaction.ts';
import type { Logs } from '../../logs/index.ts';
import { type AttachedEnd, findBinary, runAttached } from '../../processes/index.ts';
import type { Logger, Spans } from '../../telemetry/index.ts';
import { createEventQueue } from './event-queue.ts';
import { startLimits } from './limits.ts';
import { createOutput, logSource, type Output } from './output.ts';

export type RunResult = 'success' | 'failure' | 'timeout';

export interface RunContext {
  readonly publisher: Pick<Journal, 'publish' | 'emit'>;
  readonly logs: Pick<Logs, 'ingest' | 'settled'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly spans?: Spans;
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
  /** What may help; empty where nothing is known. */
  readonly hint: string;
  /** It was ended because the agent stops: that says nothing about sboxmgr. */
  readonly interrupted: boolean;
}

/** Names of the environment that a run of sboxmgr is lent, besides its own settings (`SBOXMGR_…`) and the proxies. */
const lent =
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|XDG_\w+|VIRTUAL_ENV|PYTHON\w+|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|NO_COLOR|SINGBOX_URL|SBOXMGR_\w+|SBOXAGENT_TARGET|(?:https?|all|no)_proxy)$/i;

/** How the program ended, and what is to be told of it. */
interface Ended {
  readonly result: RunResult;
  readonly message: string;
  readonly facts: JsonObject;
}

interface Trace {
  readonly traceId: string;
  readonly spanId: string;
}

/** Runs sboxmgr once and tells how it went: `schedule.finished` or `schedule.failed`. Never rejects. */
export async function runOnce(context: RunContext, options: RunOptions): Promise<RunOutcome> {
  const { publisher, clock, logger } = context;
  const traceId = newTraceId();
  const span = context.spans?.start('schedule.run', { traceId });
  const trace: Trace = { traceId, spanId: span?.spanId ?? newSpanId() };
  const beganMs = clock.monotonicMs();
  const events = createEventQueue(context);
  const output = createOutput({ logs: context.logs, clock, ...trace, onEvent: events.push });
  const { result, message, facts } = await attempt(context, options, { trace, output });
  // Who is told of the end of a run finds what it printed.
  await Promise.all([events.drained(), context.logs.settled()]);
  const seconds = (clock.monotonicMs() - beganMs) / 1000;
  const { dropped_events: dropped, ...counts } = output.facts();
  const success = result === 'success';
  publisher.emit({
    type: success ? 'schedule.finished' : 'schedule.failed',
    severity: success ? 'INFO' : 'ERROR',
    subject: logSource,
    ...trace,
    data: {
      command: standardRedactor.command(options.command).join(' '),
      ...facts,
      result,
      duration_ms: Math.round(seconds * 1000),
      ...counts,
      dropped_events: dropped + events.lost(),
      ...(output.traceIds().length > 0 && { trace_ids: output.traceIds() }),
      ...(!success && { message, log_lines: output.lastLines() }),
    },
  });
  span?.end({ code: success ? 'OK' : result === 'timeout' ? 'DEADLINE_EXCEEDED' : 'FAILED_PRECONDITION', message });
  logger[success ? 'info' : 'warn']({ result, seconds, trace_id: trace.traceId, ...(!success && { message }) }, 'a run of sboxmgr ended');
  const { hint = '' } = facts;
  return { result, seconds, message, hint: String(hint), interrupted: result === 'failure' && options.signal.aborted };
}

interface Attempt {
  readonly trace: Trace;
  readonly output: Output;
}

/** Runs the program to its end. Never rejects. */
async function attempt(context: RunContext, { command, timeoutMs, signal }: RunOptions, { trace, output }: Attempt): Promise<Ended> {
  const [name = '', ...args] = command;
  const program = findBinary(name, context.environment['PATH'] ?? '', '/');
  if (program === undefined) {
    return failure(`${name} is not there`, { hint: `Install ${name}, or give its absolute path in sboxmgr.schedule.command.` });
  }
  const limits = startLimits(context.clock, timeoutMs, signal);
  const early = (): Ended | undefined => {
    if (limits.late()) {
      return { result: 'timeout', message: `it did not end within ${timeoutMs / 1000} s`, facts: { hint: lateHint } };
    }
    return signal.aborted ? failure('the agent stopped', {}) : undefined;
  };
  try {
    await mkdir(context.directory, { recursive: true, mode: 0o700 });
    const end = await runAttached({
      argv: [program, ...args],
      env: { ...environmentOf(context.environment), TRACEPARENT: `00-${trace.traceId}-${trace.spanId}-01` },
      cwd: context.directory,
      signal: limits.kill,
      ask: limits.ask,
      onOutput: output.take,
    });
    output.end();
    return early() ?? judge(end, output);
  } catch (error) {
    output.end();
    return early() ?? failure(`it could not be run: ${error instanceof Error ? error.message : String(error)}`, {});
  } finally {
    limits.stop();
  }
}

function judge({ code, killedBy }: AttachedEnd, output: Output): Ended {
  if (killedBy !== undefined) return failure(`ended by ${killedBy}`, { signal: killedBy });
  if (code === 0) return { result: 'success', message: '', facts: { code } };
  const hint = code === 2 && output.said(/No such command/i) ? { hint: noSuchCommand } : {};
  return failure(`exit code ${code}`, { code: code ?? -1, ...hint });
}

function failure(message: string, facts: JsonObject): Ended {
  return { result: 'failure', message, facts };
}

const lateHint = 'Raise sboxmgr.schedule.timeout, or look in the log of sboxmgr what it waits for.';
const noSuchCommand =
  'sboxctl has no such command (there is no update, status or json): `sboxctl --help` lists them, `sboxctl export` makes a configuration; correct sboxmgr.schedule.command.';

function environmentOf(environment: RunContext['environment']): Record<string, string> {
  const kept = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && lent.test(entry[0]));
  return Object.fromEntries(kept);
}
