import type { StoredEvent } from '../events/index.ts';
import type { AlertRuleSettings } from '../settings/types.ts';
import type { MetricReader } from '../telemetry/types.ts';
import { eventRule } from './event-rule.ts';
import { metricRule } from './metric-rule.ts';
import type { OwnRule } from './own-rule.ts';

/** Types whose rules are remembered. */
const maxTypes = 1000;

/** The rules of the configuration. */
export interface RuleSet {
  rules(): readonly OwnRule[];
  /** Rules that stay the same keep what they have counted. */
  replace(settings: readonly AlertRuleSettings[]): void;
  /** Answers whether any rule counted it. */
  offer(event: StoredEvent, atMs: number): boolean;
  /** The longest window; 0 when no rule counts events. */
  windowMs(): number;
}

export function createRuleSet(metrics: MetricReader): RuleSet {
  let rules: readonly OwnRule[] = [];
  /** Which rules may count events of a type: most types concern few rules, and globs cost. */
  const byType = new Map<string, readonly OwnRule[]>();
  const concerned = (type: string): readonly OwnRule[] => {
    const known = byType.get(type);
    if (known) return known;
    const found = rules.filter((rule) => rule.mayCount(type));
    if (byType.size >= maxTypes) byType.clear();
    byType.set(type, found);
    return found;
  };
  return {
    rules: () => rules,
    replace(settings) {
      const known = new Map(rules.map((rule) => [JSON.stringify(rule.settings), rule]));
      byType.clear();
      rules = settings.map((one) => known.get(JSON.stringify(one)) ?? (one.kind === 'event' ? eventRule(one) : metricRule(one, metrics)));
    },
    offer: (event, atMs) =>
      concerned(event.type)
        .map((rule) => rule.offer(event, atMs))
        .includes(true),
    windowMs: () => Math.max(0, ...rules.map((rule) => rule.windowMs)),
  };
}
