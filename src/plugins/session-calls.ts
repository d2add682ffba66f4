import type { Journal } from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { standardRedactor } from '../kernel/redaction.ts';
import type { PluginSettings } from '../settings/types.ts';
import type { Counter } from '../telemetry/index.ts';
import type { Collector } from './collector.ts';
import type { PluginRecord } from './record.ts';
import type { Registry } from './registry.ts';
import { grantedLease, leaveSession, liveSession, openSession, takeRegistration } from './sessions.ts';
import { tell } from './story.ts';
import type { DocumentKeeper, HealthReport, Plugins, Registration } from './types.ts';

export interface SessionCallsOptions {
  readonly registry: Registry;
  readonly documents: Pick<DocumentKeeper, 'setSchema'>;
  readonly collector: Pick<Collector, 'flush'>;
  readonly journal: Pick<Journal, 'emit'>;
  readonly settings: () => PluginSettings;
  readonly clock: Clock;
  readonly nowMs: () => number;
  /** `sboxagent_limit_refused_total` */
  readonly refused: Counter;
  readonly look: (record: PluginRecord) => void;
  /** A sign of life. */
  readonly hear: (record: PluginRecord) => void;
}

/** What makes a registration another one than before. */
const declared = ({ kind, version, name, labels, cadenceMs }: PluginRecord): string =>
  JSON.stringify([kind, version, name, labels, cadenceMs]);

/** A report is read by everyone who may read. */
const withoutSecrets = ({ status, message, data }: HealthReport): HealthReport => ({
  status,
  message: standardRedactor.text(message),
  data: data && standardRedactor.json(data, 'data').value,
});

/** What plugins themselves ask for. */
export function createSessionCalls(
  options: SessionCallsOptions,
): Pick<Plugins, 'register' | 'renew' | 'report' | 'endSession' | 'followSession'> {
  const { registry, documents, collector, journal, settings, clock, nowMs, look, hear } = options;

  /** The record of who registers. Throws PLUGINS_OFF, PLUGIN_LIMIT_REACHED, PLUGIN_DISABLED. */
  const admitted = ({ id, labels }: Registration): PluginRecord => {
    if (!settings().enabled) throw new AgentError('PLUGINS_OFF', `${id} was not registered: plugins are switched off (plugins.enabled)`);
    const { labels: limit } = settings().limits;
    if (Object.keys(labels).length > limit) {
      options.refused.add(1, { limit: 'plugin_labels' });
      const metadata = { plugin_id: id, limit: String(limit) };
      throw new AgentError('PLUGIN_LIMIT_REACHED', `${id} brings more than ${limit} labels (plugins.limits.labels)`, { metadata });
    }
    const record = registry.admit(id);
    if (!record.enabled) throw new AgentError('PLUGIN_DISABLED', `${id} is switched off`, { metadata: { plugin_id: id } });
    return record;
  };
  const renewed = (id: string, sessionId: string, reports: 0 | 1): PluginRecord => {
    const record = registry.get(id);
    look(record);
    const session = liveSession(record, sessionId);
    session.renewedAtMs = nowMs();
    session.reports += reports;
    return record;
  };

  return {
    async register(registration) {
      const { id } = registration;
      const record = admitted(registration);
      record.registering = true;
      try {
        await documents.setSchema(id, registration.schema, registration.secretPaths);
      } catch (error) {
        // Who was not there before is not known by a registration that failed.
        if (record.kind === undefined && record.lastSeenMs === undefined) await registry.remove(record);
        throw error;
      } finally {
        record.registering = false;
      }
      const before = declared(record);
      takeRegistration(record, registration);
      const session = openSession(record, grantedLease(record.kind, registration.leaseMs), nowMs());
      // Its last word was of the session before.
      record.report = undefined;
      hear(record);
      registry.touch(record);
      if (before !== declared(record)) {
        const data = { kind: record.kind ?? '', version: record.version, name: record.name };
        tell(journal, { id, type: 'registered', data, traceId: '' });
      }
      await collector.flush();
      return { plugin: registry.view(record), sessionId: session.id, leaseMs: session.leaseMs };
    },
    renew(id, sessionId) {
      const record = renewed(id, sessionId, 0);
      hear(record);
      return registry.view(record).leaseExpireTimeMs ?? clock.wallMs();
    },
    report(id, sessionId, report) {
      const record = renewed(id, sessionId, 1);
      const failures = report.status === 'HEALTHY' ? 0 : (record.report?.failures ?? 0) + 1;
      record.report = { ...withoutSecrets(report), timeMs: clock.wallMs(), failures };
      hear(record);
      registry.touch(record);
      return registry.view(record);
    },
    async endSession(id, sessionId) {
      const record = renewed(id, sessionId, 0);
      leaveSession(record);
      hear(record);
      registry.touch(record);
      tell(journal, { id, type: 'ended', data: { kind: record.kind ?? '', state: registry.view(record).state }, traceId: '' });
      await collector.flush();
      return registry.view(record);
    },
    followSession(id, sessionId, onEnd) {
      const record = registry.get(id);
      look(record);
      const session = liveSession(record, sessionId);
      session.onEnd.add(onEnd);
      return () => void session.onEnd.delete(onEnd);
    },
  };
}
