import type { StoredEvent } from '../events/index.ts';
import { compileFilter } from '../events/index.ts';
import type { AlertRuleSettings } from '../settings/types.ts';
import type { OwnRule } from './own-rule.ts';

type Settings = AlertRuleSettings & { readonly kind: 'event' };

/** Moments that a window holds at least; beyond (and beyond the rule's count) the value counts no further. */
const windowEvents = 1000;

/**
 * Counts events in a sliding window: fires when `count` is reached, and goes on until the window is empty. The agent's own `alert.*`
 * events are never counted: a rule would feed itself, or two each other.
 */
export function eventRule(settings: Settings): OwnRule {
  const { name, filter, count, windowMs } = settings;
  const matches = compileFilter(filter);
  const subject = only(filter.subjects) ?? only(filter.sources) ?? name;
  const most = Math.max(count, windowEvents);
  /** Monotonic moments, oldest first. */
  const moments: number[] = [];
  /** Of the event that made it reach the count. */
  let traceId = '';
  const slide = (nowMs: number): void => {
    const first = moments.findIndex((atMs) => nowMs - atMs < windowMs);
    moments.splice(0, first === -1 ? moments.length : first);
    if (moments.length === 0) traceId = '';
  };
  return {
    settings,
    windowMs,
    offer(event: StoredEvent, atMs) {
      if (event.type.startsWith('alert.') || !matches(event)) return false;
      const late = atMs < (moments.at(-1) ?? atMs);
      if (late)
        moments.splice(
          moments.findIndex((one) => one > atMs),
          0,
          atMs,
        );
      else moments.push(atMs);
      if (late ? traceId === '' : moments.length === count || traceId === '') traceId = event.traceId;
      if (moments.length > most) moments.shift();
      return true;
    },
    findings({ nowMs, firing }) {
      slide(nowMs);
      if (moments.length === 0 || (moments.length < count && !firing.has(subject))) return [];
      const summary = settings.summary || `${moments.length} events of rule ${name}, ${count} are too many`;
      return [{ subject, summary, value: moments.length, threshold: count, traceId }];
    },
  };
}

function only(values: readonly string[] | undefined): string | undefined {
  return values?.length === 1 ? values[0] : undefined;
}
