import type { Journal } from '../events/index.ts';
import { newTraceId } from '../kernel/ids.ts';
import { emitPluginEvent } from './plugin-events.ts';
import type { PluginRecord } from './record.ts';
import type { Recovery } from './recovery.ts';
import type { Registry } from './registry.ts';
import type { Verdict } from './verdict.ts';

export interface TransitionsOptions {
  readonly registry: Registry;
  readonly recovery: Recovery;
  readonly journal: Pick<Journal, 'emit'>;
}

const isIll = (status: Verdict['status']): boolean => status === 'DEGRADED' || status === 'UNHEALTHY';

/** Where a new verdict makes a difference, tells it: one event a transition of the health, however many checks say the same. */
export function createTransitions({ registry, recovery, journal }: TransitionsOptions): (record: PluginRecord, verdict: Verdict) => void {
  const story = (record: PluginRecord, verdict: Verdict): void => {
    const before = record.verdict.status;
    const { status } = verdict;
    if (before === status) return;
    const data = { reason: verdict.reason, message: verdict.message, consecutive_failures: verdict.failures, before: before ?? 'UNKNOWN' };
    if (isIll(status)) {
      record.traceId ||= newTraceId();
      emitPluginEvent(journal, { id: record.id, type: status === 'DEGRADED' ? 'degraded' : 'unhealthy', data, traceId: record.traceId });
    } else if (isIll(before) && status === 'HEALTHY') {
      const { attemptsAtMs, lastAction } = record.recovery;
      const mended = record.recovery.active ? { attempts: attemptsAtMs.length, last_action: lastAction } : {};
      const illness = { reason: record.verdict.reason, before: before ?? '' };
      recovery.healed(record);
      emitPluginEvent(journal, { id: record.id, type: 'recovered', data: { ...illness, ...mended }, traceId: record.traceId });
      record.traceId = '';
    } else if (status === undefined) record.traceId = '';
  };
  const same = (a: Verdict, b: Verdict): boolean =>
    a.status === b.status && a.reason === b.reason && a.resting === b.resting && a.failures === b.failures && a.message === b.message;

  return (record, verdict) => {
    // While a step stops the process, or switches the plugin off, that is none of a person's.
    if (record.recovery.stepping && (verdict.resting !== undefined || !record.enabled)) return;
    if (same(record.verdict, verdict)) return;
    const changed =
      record.verdict.status !== verdict.status || record.verdict.reason !== verdict.reason || record.verdict.resting !== verdict.resting;
    story(record, verdict);
    // Well again after a stop or a restart of the agent, which nobody calls an illness: what was planned against it is over all the same.
    if (verdict.status === 'HEALTHY' && (record.recovery.active || record.lost)) recovery.healed(record);
    // What a person stopped, or took out of the configuration, is not mended.
    else if (verdict.status === undefined && verdict.resting !== 'STARTING' && record.recovery.active) recovery.reset(record);
    record.verdict = verdict;
    // Seconds that go by in a message are no change to publish.
    if (changed) registry.touch(record);
  };
}
