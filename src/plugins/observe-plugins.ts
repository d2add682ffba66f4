import type { Metrics } from '../telemetry/index.ts';
import type { PluginRecord } from './record.ts';
import type { Registry } from './registry.ts';

const healthValue = { HEALTHY: 1, DEGRADED: 0.5, UNHEALTHY: 0 } as const;

/** The figures of plugins; those whose health nobody can judge have none. */
export function observePlugins(options: { readonly metrics: Metrics; readonly registry: Registry; readonly nowMs: () => number }): void {
  const { metrics, registry, nowMs } = options;
  const each = (value: (record: PluginRecord) => number | undefined) => () =>
    [...registry.all()].flatMap((record) => {
      const sample = value(record);
      return sample === undefined ? [] : [{ value: sample, labels: { plugin: record.id } }];
    });
  const known = ({ kind, verdict }: PluginRecord): typeof verdict.status => (kind === undefined ? undefined : verdict.status);
  metrics.observe(
    'sboxagent_plugin_up',
    { kind: 'gauge' },
    each((record) => (record.kind === undefined ? undefined : record.enabled && (known(record) ?? 'UNHEALTHY') !== 'UNHEALTHY' ? 1 : 0)),
  );
  metrics.observe(
    'sboxagent_plugin_health',
    { kind: 'gauge' },
    each((record) => {
      const status = known(record);
      return status === undefined ? undefined : healthValue[status];
    }),
  );
  metrics.observe(
    'sboxagent_plugin_lease_age_seconds',
    { kind: 'gauge' },
    each(({ session }) => (session?.leaseMs === undefined ? undefined : (nowMs() - session.renewedAtMs) / 1000)),
  );
  // There from the registration on, so that an alert sees the first one too.
  metrics.observe(
    'sboxagent_plugin_recoveries_total',
    { kind: 'counter' },
    each(({ kind, recoveriesTotal }) => (kind === undefined ? undefined : recoveriesTotal)),
  );
}
