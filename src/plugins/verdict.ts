import type { ProcessState } from '../processes/index.ts';
import type { CheckState, LiveSession, PluginRecord } from './record.ts';
import { missedChecks, missedRuns } from './silence.ts';
import type { HealthStatus } from './types.ts';

/** How a plugin is. `status` undefined: nothing can be said (yet). */
export interface Verdict {
  readonly status: HealthStatus | undefined;
  readonly reason: string;
  readonly message: string;
  readonly failures: number;
  /** There is nothing to judge: a process plugin without its process, or a plugin that ended its session itself. */
  readonly resting?: 'STOPPED' | 'STARTING';
}

export interface JudgeSettings {
  readonly enabled: boolean;
  readonly intervalMs: number;
  readonly retries: number;
}

export const wellUnproved: Verdict = { status: undefined, reason: '', message: '', failures: 0 };
const well: Verdict = { status: 'HEALTHY', reason: '', message: '', failures: 0 };
const rank: Readonly<Record<HealthStatus, number>> = { HEALTHY: 0, DEGRADED: 1, UNHEALTHY: 2 };

/** What lacks a session for longer than this after it was enabled or the agent started has lost its lease. */
const lackMs = 30_000;

/** So many reports make a rhythm that a plugin is held to; one that only renews its lease is judged by that. */
const fewReports = 2;

const byFailures = (failures: number, retries: number, why: { readonly reason: string; readonly message: string }): Verdict => ({
  status: failures >= retries ? 'UNHEALTHY' : 'DEGRADED',
  failures,
  ...why,
});

export function leaseIsOver(session: LiveSession | undefined, nowMs: number): boolean {
  return session?.leaseMs !== undefined && nowMs >= session.renewedAtMs + session.leaseMs;
}

function byLease(record: PluginRecord, nowMs: number): Verdict | undefined {
  if (record.kind !== 'REMOTE') return undefined;
  if (record.leaseEnded) {
    return { status: 'UNHEALTHY', reason: 'LEASE_EXPIRED', message: 'its lease ended and it has not registered again', failures: 1 };
  }
  if (record.session !== undefined) return undefined;
  if (nowMs - record.contact.lastAtMs < lackMs) return { ...wellUnproved, message: 'it has not registered yet' };
  return { status: 'UNHEALTHY', reason: 'LEASE_EXPIRED', message: 'it has not registered', failures: 1 };
}

function bySilence(record: PluginRecord, nowMs: number, { intervalMs, retries }: JudgeSettings): Verdict | undefined {
  const seconds = Math.round((nowMs - record.contact.lastAtMs) / 1000);
  if (record.cadenceMs !== undefined) {
    const missed = missedRuns(record.contact, nowMs, record.cadenceMs);
    if (missed > 0)
      return byFailures(missed, retries, { reason: 'MISSED_RUN', message: `nothing of it for ${seconds} s; ${missed} missed` });
  } else if (record.silentSinceStart && record.verdict.reason === 'MISSED_HEARTBEAT') {
    // That the agent was started is no sign of life.
    return record.verdict;
  } else if (record.kind === 'REMOTE' && (record.session?.reports ?? 0) >= fewReports) {
    const missed = missedChecks(record.contact, nowMs, intervalMs);
    if (missed > 0) return byFailures(missed, retries, { reason: 'MISSED_HEARTBEAT', message: `nothing of it for ${seconds} s` });
  }
  return undefined;
}

function byReport({ report }: PluginRecord): Verdict | undefined {
  if (report === undefined || report.status === 'HEALTHY') return undefined;
  return { status: report.status, reason: 'REPORTED', message: report.message, failures: report.failures };
}

const isDown = (process: ProcessState): boolean => process === 'STOPPED' || process === 'STOPPING';

/** One success heals; until then what was UNHEALTHY stays so, also while it is started again. */
function byChecks(record: PluginRecord, checks: CheckState, threshold: number): Verdict | undefined {
  const { process, verdict: before } = record;
  if (process === 'CRASH_LOOP') {
    return { status: 'UNHEALTHY', reason: 'CRASH_LOOP', message: 'its process ended too often', failures: Math.max(1, checks.failures) };
  }
  const ill = before.status === 'UNHEALTHY' || before.status === 'DEGRADED';
  if (checks.failures > 0) {
    const failed = byFailures(checks.failures, threshold, { reason: 'PROBE_FAILED', message: checks.message });
    return before.status === 'UNHEALTHY' ? { ...failed, status: 'UNHEALTHY' } : failed;
  }
  if (checks.successes > 0) return undefined;
  return ill ? { ...before, resting: 'STARTING' } : { ...wellUnproved, resting: 'STARTING', message: 'no check has succeeded yet' };
}

/** A plugin that ended its session itself rests. A library plugin ends with each run: the next run is due all the same. */
function atRest(record: PluginRecord, nowMs: number, settings: JudgeSettings): Verdict {
  const due = record.kind === 'LIBRARY' && settings.enabled ? bySilence(record, nowMs, settings) : undefined;
  return due ?? { ...wellUnproved, resting: 'STOPPED', reason: 'ENDED', message: 'it ended its session' };
}

function worst(verdicts: readonly (Verdict | undefined)[]): Verdict {
  return verdicts.reduce<Verdict>(
    (found, next) =>
      next !== undefined && (next.status === undefined || rank[next.status] > rank[found.status ?? 'HEALTHY']) ? next : found,
    well,
  );
}

/** How the plugin is at this moment: a pure function of what is known of it. */
export function judge(record: PluginRecord, nowMs: number, settings: JudgeSettings): Verdict {
  if (!record.enabled || record.kind === undefined) return wellUnproved;
  const own = [byLease(record, nowMs), byReport(record)];
  if (record.endedItself && record.kind !== 'PROCESS') return atRest(record, nowMs, settings);
  if (record.kind !== 'PROCESS') return worst(settings.enabled ? [...own, bySilence(record, nowMs, settings)] : own);
  if (record.process === undefined || isDown(record.process)) {
    return { ...wellUnproved, resting: 'STOPPED', reason: 'STOPPED', message: 'its process does not run' };
  }
  if (!settings.enabled) return worst([...own, byProcessAlone(record.process)]);
  return worst([...own, byChecks(record, record.checks, record.unit?.readiness?.failureThreshold ?? settings.retries)]);
}

/** Without health checks, the process' own state is all there is. */
function byProcessAlone(process: ProcessState): Verdict | undefined {
  if (process === 'READY' || process === 'RUNNING') return undefined;
  if (process === 'STARTING') return { ...wellUnproved, resting: 'STARTING' };
  return { status: 'UNHEALTHY', reason: 'PROCESS_DOWN', message: `its process is ${process}`, failures: 1 };
}
