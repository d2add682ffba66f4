import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { OpenAccess } from '../access/index.ts';
import type { BuiltInRule, Finding } from '../alerts/index.ts';
import type { ConfigManager } from '../config/index.ts';
import type { Journal } from '../events/index.ts';
import type { Fleet } from '../fleet/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { PluginDocuments, Plugins, PluginView } from '../plugins/index.ts';
import type { Supervisor } from '../processes/index.ts';
import type { Settings } from '../settings/index.ts';
import type { MetricReader } from '../telemetry/index.ts';

export interface RuleSources {
  readonly plugins: Pick<Plugins, 'list'> & { readonly documents: Pick<PluginDocuments, 'health'> };
  readonly supervisor: Pick<Supervisor, 'list'>;
  readonly config: Pick<ConfigManager, 'health'>;
  readonly journal: Pick<Journal, 'health'>;
  readonly metrics: MetricReader;
  readonly access: Pick<OpenAccess, 'expiring'>;
  readonly goneAgents: Fleet['goneAgents'];
  readonly haltedRollouts: Fleet['haltedRollouts'];
  readonly tls: () => Settings['api']['tls'];
  readonly clock: Clock;
}

const DAY_MS = 86_400_000;
/** Renewals that run every other month are late by then. */
const certificateMs = 14 * DAY_MS;
const tokenMs = 3 * DAY_MS;
/** Files are looked at no more often than this. */
const rereadMs = 60_000;
const diskRatio = 0.9;

const days = (ms: number): string => (ms <= 0 ? 'has expired' : `expires in ${Math.ceil(ms / DAY_MS)} days`);

/** The rules that hold without any configuration: what a person would want to be woken for, or to find in the morning. */
export function builtInRules(sources: RuleSources): readonly BuiltInRule[] {
  const { plugins, supervisor, config, journal, metrics, access, goneAgents, haltedRollouts, tls, clock } = sources;
  const ofPlugins = (wrong: (view: PluginView) => boolean) => (): readonly Finding[] =>
    plugins
      .list()
      .filter((view) => view.kind !== undefined && wrong(view))
      .map(({ id, reason, message, traceId }) => ({
        subject: id,
        summary: `Plugin ${id}: ${reason}${message === '' ? '' : `, ${message}`}`,
        labels: { plugin: id },
        traceId,
      }));
  const unwell = (subject: string, health: () => { readonly status: string; readonly message: string }) => (): readonly Finding[] => {
    const { status, message } = health();
    return status === 'HEALTHY' ? [] : [{ subject, summary: message }];
  };
  const configHealth = (): { readonly status: string; readonly message: string } => {
    const own = config.health();
    return own.status === 'HEALTHY' ? plugins.documents.health() : own;
  };
  const disk = (): readonly Finding[] => {
    const used = metrics.current('sboxagent_system_disk_used_bytes')[0]?.value ?? 0;
    const total = metrics.current('sboxagent_system_disk_total_bytes')[0]?.value ?? 0;
    const ratio = total === 0 ? 0 : used / total;
    if (ratio < diskRatio) return [];
    const summary = `The disk of the state directory is ${Math.floor(ratio * 100)} % full`;
    return [{ subject: 'disk', summary, value: ratio, threshold: diskRatio }];
  };
  const crashLoops = (): readonly Finding[] =>
    supervisor
      .list()
      .filter(({ state }) => state === 'CRASH_LOOP')
      .map(({ id, message }) => ({ subject: id, summary: `Process ${id} ended too often: ${message}`, labels: { process: id } }));
  const gone = (): readonly Finding[] =>
    goneAgents().map(({ agent, lastSeen }) => ({
      subject: agent,
      summary: `The agent ${agent} of the fleet is gone: it was heard last at ${lastSeen}`,
      labels: { agent },
    }));
  const halted = (): readonly Finding[] =>
    haltedRollouts().map(({ rollout, unit, why, traceId }) => ({
      subject: rollout,
      summary: `Rollout ${rollout} of ${unit} is halted, since it failed here: ${why}`,
      labels: { process: unit },
      traceId,
    }));
  const certificate = cached(clock, (): readonly Finding[] => {
    const file = tls()?.certFile;
    const leftMs = file === undefined ? Number.POSITIVE_INFINITY : expiryOf(file) - clock.wallMs();
    return file === undefined || leftMs > certificateMs ? [] : [{ subject: file, summary: `The certificate ${file} ${days(leftMs)}` }];
  });
  const tokens = (): readonly Finding[] =>
    access.expiring(tokenMs).map(({ id, name, leftMs }) => ({
      subject: id,
      summary: `The token ${name} (${id}) ${days(leftMs)}`,
      labels: { token: id },
    }));
  return [
    {
      name: 'plugin_unhealthy',
      severity: 'ERROR',
      findings: ofPlugins((view) => view.lost || (view.enabled && view.health.status === 'UNHEALTHY')),
    },
    { name: 'plugin_missed_run', severity: 'WARNING', findings: ofPlugins((view) => view.enabled && view.reason === 'MISSED_RUN') },
    { name: 'process_crash_loop', severity: 'ERROR', findings: crashLoops },
    { name: 'config_rejected', severity: 'WARNING', findings: unwell('config', configHealth) },
    { name: 'store_degraded', severity: 'CRITICAL', findings: unwell('store', journal.health) },
    { name: 'disk_nearly_full', severity: 'WARNING', findings: disk },
    { name: 'certificate_expiring', severity: 'WARNING', findings: certificate },
    { name: 'token_expiring', severity: 'WARNING', findings: tokens },
    { name: 'fleet_agent_gone', severity: 'ERROR', findings: gone },
    { name: 'fleet_rollout_halted', severity: 'ERROR', findings: halted },
  ];
}

function cached<T>(clock: Clock, read: () => T): () => T {
  let kept: { readonly value: T; readonly atMs: number } | undefined;
  return () => {
    if (kept === undefined || clock.monotonicMs() - kept.atMs >= rereadMs) kept = { value: read(), atMs: clock.monotonicMs() };
    return kept.value;
  };
}

/** Unix milliseconds; infinity where the file cannot be read: the listener has said so already. */
function expiryOf(file: string): number {
  try {
    return Date.parse(new X509Certificate(readFileSync(file)).validTo);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
