import { isDeepStrictEqual } from 'node:util';
import type { Journal } from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { identityOf, may } from '../kernel/principal.ts';
import { standardRedactor } from '../kernel/redaction.ts';
import type { PluginSettings } from '../settings/types.ts';
import type { Counter } from '../telemetry/index.ts';
import type { Collector } from './collector.ts';
import type { Owners } from './owners.ts';
import { emitPluginEvent } from './plugin-events.ts';
import type { LiveSession, PluginRecord } from './record.ts';
import type { Registry } from './registry.ts';
import { grantedLease, leaveSession, liveSession, openSession, takeRegistration } from './sessions.ts';
import type { DocumentKeeper, HealthReport, Plugins, Registration, SessionRef } from './types.ts';

export interface SessionCallsOptions {
  readonly registry: Registry;
  readonly owners: Owners;
  readonly documents: Pick<DocumentKeeper, 'setSchema'>;
  readonly collector: Pick<Collector, 'flush'>;
  readonly journal: Pick<Journal, 'emit'>;
  readonly settings: () => PluginSettings;
  readonly clock: Clock;
  readonly nowMs: () => number;
  /** `sboxagent_limit_refused_total` */
  readonly refused: Counter;
  readonly evaluate: (record: PluginRecord) => void;
  /** A sign of life. */
  readonly recordContact: (record: PluginRecord) => void;
}

/** What makes a registration another one than before. */
const declared = ({ kind, version, name, labels, cadenceMs }: PluginRecord): string =>
  JSON.stringify([kind, version, name, labels, cadenceMs]);

const saysTheSame = (one: HealthReport, other: HealthReport): boolean =>
  one.status === other.status && one.message === other.message && isDeepStrictEqual(one.data, other.data);

/** A report is read by everyone who may read. */
const withoutSecrets = ({ status, message, data }: HealthReport): HealthReport => ({
  status,
  message: standardRedactor.text(message),
  data: data && standardRedactor.json(data, 'data').value,
});

/** What plugins themselves ask for. */
export function createSessionCalls(
  options: SessionCallsOptions,
): Pick<Plugins, 'register' | 'assertOwner' | 'renew' | 'report' | 'endSession' | 'followSession'> {
  const { registry, owners, documents, collector, journal, settings, clock, nowMs, evaluate, recordContact } = options;

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
  const present = (ref: SessionRef): { readonly record: PluginRecord; readonly session: LiveSession } => {
    const record = registry.get(ref.id);
    owners.assert(ref.id, ref.caller);
    evaluate(record);
    return { record, session: liveSession(record, ref) };
  };
  const renewed = (ref: SessionRef, reports: 0 | 1): PluginRecord => {
    const { record, session } = present(ref);
    session.renewedAtMs = nowMs();
    session.reports += reports;
    return record;
  };

  return {
    async register(registration, caller) {
      const { id } = registration;
      owners.assert(id, caller);
      const record = admitted(registration);
      record.registering = true;
      let bound = false;
      try {
        bound = await owners.bind(id, identityOf(caller));
        // While it was bound somebody else may have been the first.
        owners.assert(id, caller);
        const { schema, secretPaths } = registration;
        await documents.setSchema(id, { schema, secretPaths, mayUnmask: may(caller, 'config:write') });
      } catch (error) {
        if (bound) await owners.release(id);
        // Who was not there before is not known by a registration that failed.
        if (record.kind === undefined && record.lastSeenMs === undefined) await registry.remove(record);
        throw error;
      } finally {
        record.registering = false;
      }
      const before = declared(record);
      takeRegistration(record, registration);
      const session = openSession(
        record,
        { identity: identityOf(caller), leaseMs: grantedLease(record.kind, registration.leaseMs) },
        nowMs(),
      );
      // Its last word was of the session before.
      record.report = undefined;
      recordContact(record);
      registry.touch(record);
      if (before !== declared(record)) {
        const data = { kind: record.kind ?? '', version: record.version, name: record.name };
        emitPluginEvent(journal, { id, type: 'registered', data, traceId: '' });
      }
      await collector.flush();
      return { plugin: registry.view(record), sessionId: session.id, leaseMs: session.leaseMs };
    },
    assertOwner: owners.assert,
    renew(ref) {
      const record = renewed(ref, 0);
      recordContact(record);
      return registry.view(record).leaseExpireTimeMs ?? clock.wallMs();
    },
    async report(ref, report) {
      const record = renewed(ref, 1);
      const before = record.report;
      const failures = report.status === 'HEALTHY' ? 0 : (before?.failures ?? 0) + 1;
      record.report = { ...withoutSecrets(report), timeMs: clock.wallMs(), failures };
      recordContact(record);
      registry.touch(record);
      // The session outlives a kill of the agent, so its plugin does not repeat what was acknowledged: only a repetition may be lost.
      if (before === undefined || !saysTheSame(before, record.report)) await collector.flush();
      return registry.view(record);
    },
    async endSession(ref) {
      const record = renewed(ref, 0);
      const { id } = record;
      leaveSession(record);
      recordContact(record);
      registry.touch(record);
      emitPluginEvent(journal, { id, type: 'ended', data: { kind: record.kind ?? '', state: registry.view(record).state }, traceId: '' });
      await collector.flush();
      return registry.view(record);
    },
    followSession(ref, onEnd) {
      const { session } = present(ref);
      session.onEnd.add(onEnd);
      return () => void session.onEnd.delete(onEnd);
    },
  };
}
