import { compileFilter, type StoredEvent } from '../events/index.ts';
import { compileGlob } from '../kernel/glob.ts';
import type { AlertRuleSettings } from '../settings/types.ts';
import type { OwnRule } from './own-rule.ts';
import { createWindow } from './window.ts';

type Settings = AlertRuleSettings & { readonly kind: 'event' };

/**
 * Counts events in a sliding window: fires when `count` is reached, and goes on until the window is empty. The agent's own `alert.*`
 * events are never counted: a rule would feed itself, or two each other.
 */
export function eventRule(settings: Settings): OwnRule {
  const { name, filter, count, windowMs } = settings;
  // The type is judged by `mayCount`, once for all events of it.
  const matches = compileFilter({ ...filter, types: [] });
  const globs = (filter.types ?? []).map(compileGlob);
  const subject = only(filter.subjects) ?? only(filter.sources) ?? name;
  const window = createWindow(windowMs);
  let newestMs = Number.NEGATIVE_INFINITY;
  /** Of the event that made it reach the count; of the newest one where the window was filled from the journal. */
  let traceId = '';
  return {
    settings,
    windowMs,
    mayCount: (type) => !type.startsWith('alert.') && (globs.length === 0 || globs.some((matchesType) => matchesType(type))),
    offer(event: StoredEvent, atMs) {
      if (!matches(event)) return false;
      const late = atMs < newestMs;
      newestMs = Math.max(newestMs, atMs);
      if (window.count(newestMs) === 0) traceId = '';
      window.add(atMs);
      if (traceId === '' || (!late && window.count(newestMs) === count)) traceId = event.traceId;
      return true;
    },
    findings({ nowMs, firing }) {
      const value = window.count(nowMs);
      if (value === 0 || (value < count && !firing.has(subject))) return [];
      const summary = settings.summary || `${value} events of rule ${name}, ${count} are too many`;
      return [{ subject, summary, value, threshold: count, traceId }];
    },
  };
}

function only(values: readonly string[] | undefined): string | undefined {
  return values?.length === 1 ? values[0] : undefined;
}
