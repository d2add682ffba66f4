import type { Journal } from '../events/index.ts';
import type { Supervisor } from '../processes/index.ts';
import type { RecoveryStep } from '../settings/types.ts';
import type { Logger, Spans } from '../telemetry/index.ts';
import { backoffMs, type Ladder, nextStep } from './ladder.ts';
import { emitPluginEvent } from './plugin-events.ts';
import { noChecks, noRecovery, type PluginRecord } from './record.ts';
import type { DocumentKeeper } from './types.ts';

export interface RecoveryOptions {
  readonly supervisor: Pick<Supervisor, 'restart' | 'stop'>;
  readonly documents: Pick<DocumentKeeper, 'push' | 'rollback'>;
  /** Runs the schedule now; undefined while there is none. */
  readonly rerun: () => (() => Promise<void>) | undefined;
  readonly journal: Pick<Journal, 'emit'>;
  readonly logger: Logger;
  readonly spans?: Spans | undefined;
  /** Failures in a row that make a plugin UNHEALTHY, unless its probe says otherwise. */
  readonly retries: () => number;
  readonly nowMs: () => number;
  /** Something of the record changed that others may see. */
  readonly touch: (record: PluginRecord) => void;
}

export interface Recovery {
  /** Looks whether a step is due, and takes it. To be called at every tick; never throws, never waits. */
  takeDueStep(record: PluginRecord): void;
  /** It is well again. */
  healed(record: PluginRecord): void;
  /** A person took over: what was planned is forgotten. */
  reset(record: PluginRecord): void;
}

const nextAction = (id: string): string =>
  `Read \`sboxagent logs ${id}\` and \`sboxagent plugins show ${id}\`, mend the cause, then \`sboxagent plugins enable ${id}\` or \`sboxagent plugins restart ${id}\`.`;

/** A person, or the last step, stopped its process: what a step itself stops is wanted UP meanwhile. */
const isStopped = ({ process }: PluginRecord): boolean => process === 'STOPPED' || process === 'STOPPING';

const isUnhealthy = ({ verdict }: PluginRecord): boolean => verdict.status === 'UNHEALTHY' && verdict.resting === undefined;

export function createRecovery(options: RecoveryOptions): Recovery {
  const { supervisor, documents, journal, logger, nowMs, touch } = options;

  const threshold = (record: PluginRecord): number => record.unit?.readiness?.failureThreshold ?? options.retries();
  const giveUp = (record: PluginRecord, why: string): void => {
    record.recovery = { ...noRecovery(), attemptsAtMs: record.recovery.attemptsAtMs, lastAction: record.recovery.lastAction };
    record.lost = true;
    touch(record);
    const { reason, message } = record.verdict;
    emitPluginEvent(journal, {
      id: record.id,
      type: 'lost',
      data: { why, reason, message, last_action: record.recovery.lastAction, next_action: nextAction(record.id) },
      traceId: record.traceId,
    });
  };
  const disable = async (record: PluginRecord): Promise<void> => {
    record.enabled = false;
    await supervisor.stop(record.id, {});
    giveUp(record, 'the last step of its recovery ladder switched it off');
  };
  /** False where there is nothing that the step could do. */
  const take = async (record: PluginRecord, step: RecoveryStep): Promise<boolean> => {
    const { id, traceId } = record;
    switch (step) {
      case 'restart':
        await supervisor.restart(id, { traceId });
        return true;
      case 'push_config':
        return documents.push(id);
      case 'rollback_config':
        return documents.rollback(id, { author: 'recovery', traceId });
      case 'rerun': {
        const run = options.rerun();
        await run?.();
        return run !== undefined;
      }
      case 'disable':
        await disable(record);
        return true;
    }
  };
  const announce = (record: PluginRecord, step: RecoveryStep, attempt: number): void => {
    record.recoveriesTotal += 1;
    emitPluginEvent(journal, {
      id: record.id,
      type: 'recovering',
      data: { step, attempt, budget: record.unit?.recovery?.budget ?? 0, reason: record.verdict.reason, message: record.verdict.message },
      traceId: record.traceId,
    });
  };

  /** While a step was under way a person stopped the process, or asked for something else: the recovery has no more say. */
  const isTakenOver = (record: PluginRecord): boolean => !record.recovery.active || isStopped(record);

  /** Takes the next step that can do something; a whole round without one is the end. */
  const climb = async (record: PluginRecord, ladder: Ladder): Promise<void> => {
    for (let skipped = 0; skipped < ladder.steps.length; skipped++) {
      const climbed = nextStep(ladder, record.recovery, nowMs());
      if (climbed.kind === 'give-up') return giveUp(record, climbed.why);
      const before = record.recovery;
      record.recovery = { ...before, rung: before.rung + 1 };
      if (await attempt(record, climbed)) return;
      if (isTakenOver(record)) return;
    }
    giveUp(record, 'none of the steps of its recovery ladder could do anything');
  };
  const attempt = async (
    record: PluginRecord,
    { step, attempt: number, attemptsAtMs }: { step: RecoveryStep; attempt: number; attemptsAtMs: readonly number[] },
  ): Promise<boolean> => {
    // What cannot do anything is not announced and costs nothing: only these two find out by doing.
    const quiet = step === 'push_config' || step === 'rollback_config' || (step === 'rerun' && options.rerun() === undefined);
    if (!quiet) announce(record, step, number);
    // What comes before the step says nothing about its success.
    record.checks = { ...noChecks(), timeMs: record.checks.timeMs };
    let done = true;
    let failure: string | undefined;
    const span = options.spans?.start('plugin.recovery', { traceId: record.traceId, attributes: { plugin: record.id, step } });
    try {
      done = await take(record, step);
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
      logger.warn({ plugin: record.id, step, error: failure }, 'a step of a recovery failed');
      if (!isTakenOver(record)) Object.assign(record.checks, { failures: threshold(record), message: failure });
    }
    if (!done) return false;
    span?.end(failure === undefined ? {} : { code: 'FAILED_PRECONDITION', message: failure });
    if (quiet) announce(record, step, number);
    if (!record.recovery.active) return true; // it gave up
    record.recovery = { ...record.recovery, attemptsAtMs, lastAction: step };
    touch(record);
    return true;
  };

  const step = async (record: PluginRecord, ladder: Ladder): Promise<void> => {
    record.recovery = { ...record.recovery, stepping: true, nextAtMs: undefined };
    try {
      await climb(record, ladder);
    } catch (error) {
      logger.error({ plugin: record.id, err: error }, 'a recovery failed');
    } finally {
      record.recovery = { ...record.recovery, stepping: false };
    }
  };
  /** A step is judged when the checks since it have said their word. */
  const failedAgain = (record: PluginRecord): boolean => record.process === 'CRASH_LOOP' || (isUnhealthy(record) && enough(record));
  const enough = (record: PluginRecord): boolean => record.checks.failures >= threshold(record) || record.verdict.reason === 'REPORTED';

  return {
    takeDueStep(record) {
      const ladder = record.unit?.recovery;
      const { recovery } = record;
      if (ladder === undefined || record.lost || !record.enabled || recovery.stepping) return;
      if (!recovery.active) {
        if (!isUnhealthy(record) || (record.verdict.reason === 'PROBE_FAILED' && !enough(record))) return;
        record.recovery = { ...recovery, active: true, rung: 0, nextAtMs: nowMs() };
        touch(record);
      } else if (recovery.nextAtMs === undefined) {
        if (!failedAgain(record)) return;
        record.recovery = { ...recovery, nextAtMs: nowMs() + backoffMs(ladder, recovery.attemptsAtMs.length) };
        touch(record);
      }
      if ((record.recovery.nextAtMs ?? Number.POSITIVE_INFINITY) <= nowMs()) void step(record, ladder);
    },
    healed(record) {
      const { attemptsAtMs, lastAction } = record.recovery;
      record.recovery = { ...noRecovery(), attemptsAtMs, lastAction, stepping: record.recovery.stepping };
      record.lost = false;
    },
    reset(record) {
      record.recovery = { ...noRecovery(), stepping: record.recovery.stepping };
      record.lost = false;
    },
  };
}
