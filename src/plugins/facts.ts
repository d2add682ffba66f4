import type { Json, JsonObject } from '../events/index.ts';
import type { CallStatistics } from './calls.ts';
import type { LiveSession, PluginRecord } from './record.ts';
import { contactThatMissed } from './silence.ts';
import type { HealthReport, PluginKind } from './types.ts';
import type { Verdict } from './verdict.ts';

/** What of a plugin outlives the daemon. */
interface Facts {
  readonly name: string;
  readonly kind: PluginKind | null;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly cadenceMs: number | null;
  readonly enabled: boolean;
  readonly lost: boolean;
  readonly session: { readonly id: string; readonly identity?: string; readonly leaseMs: number | null } | null;
  readonly leaseEnded: boolean;
  /** Absent in what older agents kept. */
  readonly endedItself?: boolean;
  readonly lastSeenMs: number | null;
  readonly report: (Omit<HealthReport, 'data'> & { readonly data: Json; readonly timeMs: number; readonly failures: number }) | null;
  readonly calls: CallStatistics;
  readonly verdict: Verdict;
  readonly traceId: string;
}

export function encodeFacts(record: PluginRecord): string {
  const { session, report, unit } = record;
  const facts: Facts = {
    name: record.name,
    kind: record.kind ?? null,
    version: record.version,
    labels: record.labels,
    cadenceMs: record.cadenceMs ?? null,
    enabled: record.enabled,
    lost: record.lost,
    session: session === undefined ? null : { id: session.id, identity: session.identity, leaseMs: session.leaseMs ?? null },
    leaseEnded: record.leaseEnded,
    endedItself: record.endedItself,
    lastSeenMs: record.lastSeenMs ?? null,
    report: report === undefined ? null : { ...report, data: report.data ?? null },
    calls: record.calls,
    // A process is judged anew by what it shows.
    verdict: record.verdict,
    traceId: record.traceId,
  };
  return JSON.stringify(unit === undefined ? facts : { ...facts, kind: 'PROCESS' });
}

/**
 * Puts what is kept into a fresh record. The lease runs anew: the plugin could not renew it while there was no agent. But what silence had
 * made ill before stays ill until it is heard of: that the agent was started is no sign of life.
 */
export function restoreFacts(record: PluginRecord, text: string, nowMs: number): void {
  const facts = JSON.parse(text) as Facts;
  const session: LiveSession | undefined =
    facts.session === null
      ? undefined
      : {
          id: facts.session.id,
          identity: facts.session.identity ?? '',
          leaseMs: facts.session.leaseMs ?? undefined,
          renewedAtMs: nowMs,
          reports: 0,
          onEnd: new Set(),
        };
  const { verdict, cadenceMs } = facts;
  if (verdict.reason === 'MISSED_RUN' && cadenceMs !== null) record.contact = contactThatMissed(verdict.failures, nowMs, cadenceMs);
  Object.assign(record, {
    ...facts,
    silentSinceStart: true,
    leaseEnded: facts.leaseEnded || verdict.reason === 'LEASE_EXPIRED',
    endedItself: facts.endedItself === true,
    // A plugin that is no longer declared is one that somebody else runs.
    kind: facts.kind === 'PROCESS' ? undefined : (facts.kind ?? undefined),
    cadenceMs: facts.cadenceMs ?? undefined,
    lastSeenMs: facts.lastSeenMs ?? undefined,
    session,
    report: facts.report === null ? undefined : { ...facts.report, data: (facts.report.data as JsonObject | null) ?? undefined },
  } satisfies Partial<PluginRecord>);
}
