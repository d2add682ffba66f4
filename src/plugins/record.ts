import type { ProcessState } from '../processes/index.ts';
import type { PluginUnitSettings } from '../settings/types.ts';
import { type CallStatistics, noCalls, p95 } from './calls.ts';
import { type Contact, firstContact } from './silence.ts';
import type { HealthReport, PluginKind, PluginState, PluginView } from './types.ts';
import { type Verdict, wellUnproved } from './verdict.ts';

export interface LiveSession {
  readonly id: string;
  /** Identity of the principal that opened it. */
  readonly identity: string;
  /** undefined without a lease. */
  readonly leaseMs: number | undefined;
  /** On the awake clock. */
  renewedAtMs: number;
  /** Reports of its health so far. */
  reports: number;
  /** Told once when it ends. */
  readonly onEnd: Set<() => void>;
}

/** What the checks of a process plugin have seen since it was started. */
export interface CheckState {
  /** In a row. */
  failures: number;
  successes: number;
  message: string;
  timeMs: number | undefined;
}

export interface RecoveryState {
  active: boolean;
  /** A step is being taken at this moment. */
  stepping: boolean;
  /** When steps were taken (awake clock), inside the window. */
  attemptsAtMs: readonly number[];
  rung: number;
  lastAction: string;
  nextAtMs: number | undefined;
}

/** All that is known of one plugin. Written by this room's parts alone; others see a PluginView. */
export interface PluginRecord {
  readonly id: string;
  name: string;
  kind: PluginKind | undefined;
  version: string;
  labels: Readonly<Record<string, string>>;
  cadenceMs: number | undefined;
  /** Its declaration under `plugins.units`. */
  unit: PluginUnitSettings | undefined;
  enabled: boolean;
  lost: boolean;
  session: LiveSession | undefined;
  /** Its last session ended by its lease. */
  leaseEnded: boolean;
  /** It ended its last session itself: nothing is expected of it until it registers again. */
  endedItself: boolean;
  lastSeenMs: number | undefined;
  contact: Contact;
  /** Kept from the agent of before, and not heard of since this one started. */
  silentSinceStart: boolean;
  /** Its registration is under way: it is not forgotten to make room for others. */
  registering: boolean;
  report: (HealthReport & { readonly timeMs: number; readonly failures: number }) | undefined;
  process: ProcessState | undefined;
  checks: CheckState;
  calls: CallStatistics;
  verdict: Verdict;
  /** The story of its present illness; empty while it is well. */
  traceId: string;
  recovery: RecoveryState;
  /** Recovery steps in this life of the daemon. */
  recoveriesTotal: number;
  configRevision: number;
  appliedConfigRevision: number;
  /** Counts changes: with `epoch` the etag. */
  changes: number;
}

export const noChecks = (): CheckState => ({ failures: 0, successes: 0, message: '', timeMs: undefined });

export const noRecovery = (): RecoveryState => ({
  active: false,
  stepping: false,
  attemptsAtMs: [],
  rung: 0,
  lastAction: '',
  nextAtMs: undefined,
});

export function newRecord(id: string, nowMs: number): PluginRecord {
  return {
    id,
    name: id,
    kind: undefined,
    version: '',
    labels: {},
    cadenceMs: undefined,
    unit: undefined,
    enabled: true,
    lost: false,
    session: undefined,
    leaseEnded: false,
    endedItself: false,
    lastSeenMs: undefined,
    contact: firstContact(nowMs),
    silentSinceStart: false,
    registering: false,
    report: undefined,
    process: undefined,
    checks: noChecks(),
    calls: noCalls,
    verdict: wellUnproved,
    traceId: '',
    recovery: noRecovery(),
    recoveriesTotal: 0,
    configRevision: 0,
    appliedConfigRevision: 0,
    changes: 0,
  };
}

function stateOf(record: PluginRecord): PluginState {
  if (!record.enabled) return 'DISABLED';
  if (record.kind === undefined) return 'UNKNOWN';
  if (record.recovery.active) return 'RECOVERING';
  const { status, resting } = record.verdict;
  if (resting === 'STOPPED') return 'STOPPED';
  if (status === undefined || (resting === 'STARTING' && status === 'HEALTHY')) return 'STARTING';
  return status === 'HEALTHY' ? 'ACTIVE' : status;
}

export interface ViewContext {
  /** Names this life of the daemon. */
  readonly epoch: string;
  readonly nowMs: number;
  readonly wallMs: number;
}

function leaseExpiry({ session }: PluginRecord, { nowMs, wallMs }: ViewContext): number | undefined {
  if (session?.leaseMs === undefined) return undefined;
  return wallMs + session.renewedAtMs + session.leaseMs - nowMs;
}

/** The picture at this moment, as others see it. */
export function viewOf(record: PluginRecord, context: ViewContext): PluginView {
  const { verdict, recovery, unit, calls, checks, report } = record;
  const windowMs = unit?.recovery?.windowMs ?? 0;
  return {
    id: record.id,
    name: record.name,
    kind: record.kind,
    version: record.version,
    state: stateOf(record),
    reason: record.enabled ? verdict.reason : 'DISABLED',
    message: record.enabled ? verdict.message : 'switched off',
    enabled: record.enabled,
    labels: record.labels,
    lastSeenMs: record.lastSeenMs,
    leaseExpireTimeMs: leaseExpiry(record, context),
    cadenceMs: record.cadenceMs,
    health: {
      status: verdict.status,
      message: verdict.status === 'HEALTHY' ? '' : verdict.message,
      checkTimeMs: checks.timeMs ?? report?.timeMs,
      consecutiveFailures: verdict.failures,
      data: report?.data,
    },
    calls: { count: calls.count, errors: calls.errors, p95Ms: p95(calls.durationsMs) },
    configRevision: record.configRevision,
    appliedConfigRevision: record.appliedConfigRevision,
    processId: unit === undefined ? '' : record.id,
    recovery: {
      attempts: recovery.attemptsAtMs.filter((at) => context.nowMs - at < windowMs).length,
      budget: unit?.recovery?.budget ?? 0,
      lastAction: recovery.lastAction,
      nextTimeMs: recovery.nextAtMs === undefined ? undefined : context.wallMs + Math.max(0, recovery.nextAtMs - context.nowMs),
    },
    etag: `${context.epoch}-${record.changes}`,
    lost: record.lost,
    traceId: record.traceId,
  };
}
