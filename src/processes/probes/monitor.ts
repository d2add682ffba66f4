import type { UnitProbe } from '../../settings/types.ts';
import { confine } from '../confine.ts';
import type { ProcessContext } from '../context.ts';
import { engines } from '../engines/index.ts';
import { runEnvironment } from '../environment.ts';
import type { Verdict } from '../lifecycle/types.ts';
import type { Monitor, MonitoredRun } from '../monitor.ts';
import { workingDirectory } from '../plan.ts';
import { proveStartup, startTimeoutMs } from '../startup-proof.ts';
import { freshCounts, isOutOfTries, type ProbeCounts } from './counts.ts';
import { watchLog } from './log-marks.ts';
import { loopProbe } from './loop.ts';
import { type ProbeRecord, type ProbeRole, probeRecordPath, readProbeRecord, writeProbeRecord } from './records.ts';
import { runProbe } from './run-probe.ts';
import type { ProbeContext, ProbeResult } from './types.ts';

type Report = (verdict: Verdict) => void;

/** One run in the hands of its probes. */
interface Watch {
  readonly subject: MonitoredRun;
  readonly report: Report;
  readonly run: (role: ProbeRole, probe: UnitProbe) => Promise<ProbeResult>;
  /** Where a probe stood when the daemon before this one looked last. */
  readonly counts: (role: ProbeRole) => ProbeCounts | undefined;
  readonly note: (role: ProbeRole, counts: ProbeCounts) => void;
}

/**
 * The probes of a run. Startup holds the other two back: by its probe, else an engine by its mark or its listeners, else nothing.
 * Readiness moves between RUNNING and READY; liveness out of tries ends the run.
 */
export function probeMonitor(context: ProcessContext): Monitor {
  return (subject, report) => {
    const { probes } = subject.unit;
    const asks = [probes.startup, probes.readiness, probes.liveness].some((probe) => probe !== undefined);
    if (!asks && subject.stands !== 'STARTING') return;
    const watch = beginWatch(context, subject, report);
    passStartup(context, watch)
      .then((passed) => {
        if (!passed || subject.signal.aborted) return;
        watchReadiness(context, watch);
        watchLiveness(context, watch);
      })
      .catch((error: unknown) => {
        if (!subject.signal.aborted) context.logger.error({ process: subject.unit.id, error }, 'the probes of a process ended');
      });
  };
}

function beginWatch(context: ProcessContext, subject: MonitoredRun, report: Report): Watch {
  const { unit, run, signal } = subject;
  const path = probeRecordPath(context.stateDir, unit.id);
  let record = readProbeRecord(path, run.runId);
  const save = (next: ProbeRecord): void => {
    record = next;
    try {
      writeProbeRecord(path, record);
    } catch (error) {
      // A daemon after this one counts anew: no reason to end anything.
      context.logger.warn({ process: unit.id, error }, 'what the probes of a process have come to could not be written');
    }
  };
  const seen = (role: ProbeRole): void => save({ ...record, marked: [...record.marked, role] });
  const givenUp = (role: ProbeRole): void =>
    context.logger.warn(
      { process: unit.id, probe: role },
      'the pattern of a log probe takes too long on lines of this run: it is not looked for any more',
    );
  const marks = watchLog(unit.probes, { collection: run.collection, marked: record.marked, signal, seen, givenUp });
  return {
    subject,
    report,
    run: (role, probe) => runProbe(probe.action, probeContext(context, subject, { probe, isMarked: () => marks.has(role) })),
    counts: (role) => record.counts[role],
    note: (role, counts) => save({ ...record, counts: { ...record.counts, [role]: counts } }),
  };
}

/** What the probe of a unit runs with: the unit's own environment, directory and user. */
export function probeContext(
  context: ProcessContext,
  { unit, signal }: Pick<MonitoredRun, 'unit' | 'signal'>,
  { probe, isMarked }: { readonly probe: Pick<UnitProbe, 'timeoutMs'>; readonly isMarked: () => boolean },
): ProbeContext {
  return {
    timeoutMs: probe.timeoutMs,
    signal,
    env: runEnvironment(context.environment, unit, 'probe'),
    cwd: workingDirectory(context.stateDir, unit),
    clock: context.clock,
    confine: (argv) => confine(unit, argv),
    subject: { engine: unit.engine === undefined ? undefined : engines[unit.engine], configPath: unit.configPath, isMarked },
  };
}

/** Whether its start is proved; reports either way. */
async function passStartup(context: ProcessContext, watch: Watch): Promise<boolean> {
  const { unit, stands } = watch.subject;
  if (stands !== 'STARTING') return true;
  const failure =
    unit.probes.startup === undefined ? await proveByItself(context, watch) : await proveByProbe(context, watch, unit.probes.startup);
  if (failure === undefined) watch.report({ kind: 'startup-passed', ready: unit.probes.readiness === undefined });
  else watch.report({ kind: 'startup-failed', ...failure });
  return failure === undefined;
}

interface StartupFailure {
  readonly reason: string;
  readonly message: string;
}

async function proveByItself({ clock }: ProcessContext, { subject }: Watch): Promise<StartupFailure | undefined> {
  const { unit, run, readyWithinMs, signal } = subject;
  if (unit.engine === undefined) return undefined;
  const timeoutMs = readyWithinMs ?? startTimeoutMs;
  const { pid, collection } = run;
  const proved = await proveStartup({
    engine: engines[unit.engine],
    configPath: unit.configPath,
    pid,
    collection,
    clock,
    signal,
    timeoutMs,
  });
  if (proved) return undefined;
  return { reason: 'START_TIMEOUT', message: `${unit.id} did not prove its start within ${timeoutMs / 1000} s; see its last lines` };
}

async function proveByProbe({ clock }: ProcessContext, watch: Watch, probe: UnitProbe): Promise<StartupFailure | undefined> {
  const { unit, readyWithinMs, signal } = watch.subject;
  const late = new AbortController();
  const cancel = readyWithinMs === undefined ? () => undefined : clock.after(readyWithinMs, () => late.abort());
  let failure: StartupFailure | undefined;
  try {
    await loopProbe({
      probe,
      counts: watch.counts('startup') ?? freshCounts(false),
      clock,
      signal: AbortSignal.any([signal, late.signal]),
      runOnce: () => watch.run('startup', probe),
      counted(counts, { message }, before) {
        if (changed(counts, before)) watch.note('startup', counts);
        if (counts.passing) return false;
        if (!isOutOfTries(probe, counts)) return true;
        failure = { reason: 'STARTUP_PROBE', message: `${unit.id} did not pass its startup probe in ${counts.failures} tries: ${message}` };
        return false;
      },
    });
  } catch (error) {
    if (!late.signal.aborted || signal.aborted) throw error;
    return { reason: 'START_TIMEOUT', message: `${unit.id} did not pass its startup probe within ${(readyWithinMs ?? 0) / 1000} s` };
  } finally {
    cancel();
  }
  return failure;
}

function watchReadiness({ clock, logger }: ProcessContext, watch: Watch): void {
  const { unit, stands, signal } = watch.subject;
  const probe = unit.probes.readiness;
  if (probe === undefined) {
    // Its settings had one when the daemon before this one looked.
    if (stands === 'RUNNING') watch.report({ kind: 'readiness-changed', ready: true, message: '' });
    return;
  }
  const known = watch.counts('readiness') ?? freshCounts(stands === 'READY');
  if (!known.passing)
    watch.report({
      kind: 'readiness-changed',
      ready: false,
      message: `${unit.id} is not ready: its readiness probe has not succeeded yet`,
    });
  let reported = '';
  loopProbe({
    probe,
    counts: known,
    clock,
    signal,
    runOnce: () => watch.run('readiness', probe),
    counted(counts, { ok, message }, before) {
      if (changed(counts, before)) watch.note('readiness', counts);
      if (counts.passing !== before.passing && counts.passing) {
        reported = '';
        watch.report({ kind: 'readiness-changed', ready: true, message: '' });
      } else if (!counts.passing && !ok && message !== reported) {
        reported = message;
        watch.report({
          kind: 'readiness-changed',
          ready: false,
          message: `${unit.id} is not ready: its readiness probe fails: ${message}`,
        });
      }
      return true;
    },
  }).catch(endedBy(signal, (error) => logger.error({ process: unit.id, error }, 'a readiness probe ended')));
}

function watchLiveness({ clock, logger }: ProcessContext, watch: Watch): void {
  const { unit, signal } = watch.subject;
  const probe = unit.probes.liveness;
  if (probe === undefined) return;
  loopProbe({
    probe,
    counts: watch.counts('liveness') ?? freshCounts(true),
    clock,
    signal,
    runOnce: () => watch.run('liveness', probe),
    counted(counts, { message }, before) {
      if (changed(counts, before)) watch.note('liveness', counts);
      if (counts.passing) return true;
      watch.report({
        kind: 'liveness-failed',
        message: `${unit.id} failed its liveness probe ${counts.failures} times in a row: ${message}`,
      });
      return false;
    },
  }).catch(endedBy(signal, (error) => logger.error({ process: unit.id, error }, 'a liveness probe ended')));
}

function changed(a: ProbeCounts, b: ProbeCounts): boolean {
  return a.passing !== b.passing || a.successes !== b.successes || a.failures !== b.failures;
}

/** The end of the run ends its probes: that is no fault. */
function endedBy(signal: AbortSignal, fault: (error: unknown) => void): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) fault(error);
  };
}
