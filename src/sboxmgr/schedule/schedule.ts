import { AgentError } from '../../kernel/errors.ts';
import type { SboxmgrSettings } from '../../settings/types.ts';
import type { Metrics } from '../../telemetry/index.ts';
import { type RunContext, type RunOutcome, runOnce } from './run.ts';
import { startTimer } from './timer.ts';

type Settings = SboxmgrSettings['schedule'];

export interface ScheduleOptions extends RunContext {
  readonly settings: Settings;
  readonly metrics: Metrics;
  /** 0 to 1; for tests. */
  readonly random?: () => number;
}

/** sboxmgr, run by an interval or a cron line: one run at a time. */
export interface Schedule {
  start(): void;
  /** Ends the run under way with all that it started. Idempotent. */
  stop(): Promise<void>;
  /** Takes effect at once; a run under way goes on as it began. */
  setSettings(settings: Settings): void;
  enabled(): boolean;
  /** Runs now, or waits for the run under way. Throws START_FAILED when the run fails. */
  runNow(): Promise<void>;
  /** DEGRADED while the cron line cannot be followed, and from a run that fails to the next one that does not. */
  health(): { readonly status: 'HEALTHY' | 'DEGRADED'; readonly message: string; readonly sinceMs: number };
}

export function createSchedule(options: ScheduleOptions): Schedule {
  const { clock, logger, metrics, random = Math.random } = options;
  const runs = metrics.counter('sboxagent_schedule_runs_total');
  const durations = metrics.histogram('sboxagent_schedule_run_duration_seconds');
  const stopping = new AbortController();
  let { settings } = options;
  let started = false;
  let running: Promise<RunOutcome> | undefined;
  let cancelTimer = (): void => {};
  let failures = 0;
  let health: ReturnType<Schedule['health']> = { status: 'HEALTHY', message: '', sinceMs: clock.wallMs() };

  const note = (message: string): void => {
    const status = message === '' ? 'HEALTHY' : 'DEGRADED';
    health = { status, message, sinceMs: status === health.status ? health.sinceMs : clock.wallMs() };
  };
  const judge = ({ result, message, hint, interrupted }: RunOutcome): void => {
    if (interrupted) return;
    failures = result === 'success' ? 0 : failures + 1;
    const times = failures > 1 ? `the last ${failures} runs of sboxmgr failed` : 'the last run of sboxmgr failed';
    const help = hint === '' ? 'see `sboxagent logs sboxmgr`' : hint;
    note(failures === 0 ? '' : `${times}: ${message}; ${help}`);
  };
  const run = (): Promise<RunOutcome> => {
    running ??= runOnce(options, { command: settings.command, timeoutMs: settings.timeoutMs, signal: stopping.signal })
      .then((outcome) => {
        runs.add(1, { result: outcome.result });
        durations.record(outcome.seconds);
        judge(outcome);
        return outcome;
      })
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  const due = (): void => {
    if (running === undefined) return void run();
    runs.add(1, { result: 'skipped' });
    logger.warn({}, 'a run of sboxmgr was skipped: the one before is still under way');
  };
  const arm = (): void => {
    cancelTimer();
    cancelTimer = () => {};
    failures = 0;
    note('');
    if (!settings.enabled || !started || stopping.signal.aborted) return;
    try {
      cancelTimer = startTimer({ settings, clock, random, due });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      note(`sboxmgr is not run: ${why}; correct sboxmgr.schedule.cron`);
      logger.error({ reason: why }, 'sboxmgr is not run by its schedule');
      return;
    }
    if (settings.runAtStart) due();
  };

  return {
    start() {
      if (started) return;
      started = true;
      arm();
    },
    async stop() {
      cancelTimer();
      cancelTimer = () => {};
      stopping.abort();
      await running;
    },
    setSettings(next) {
      const same = JSON.stringify(next) === JSON.stringify(settings);
      settings = next;
      if (!same) arm();
    },
    enabled: () => settings.enabled,
    async runNow() {
      if (stopping.signal.aborted) throw new AgentError('SHUTTING_DOWN', 'the agent is stopping');
      const { result, message } = await run();
      if (result !== 'success') throw new AgentError('START_FAILED', `the run of sboxmgr failed: ${message}`);
    },
    health: () => health,
  };
}
