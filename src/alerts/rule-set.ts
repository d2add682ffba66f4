import type { StoredEvent } from '../events/index.ts';
import type { AlertRuleSettings } from '../settings/types.ts';
import type { MetricReader } from '../telemetry/types.ts';
import { eventRule } from './event-rule.ts';
import { metricRule } from './metric-rule.ts';
import type { OwnRule } from './own-rule.ts';

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
  return {
    rules: () => rules,
    replace(settings) {
      const known = new Map(rules.map((rule) => [JSON.stringify(rule.settings), rule]));
      rules = settings.map((one) => known.get(JSON.stringify(one)) ?? (one.kind === 'event' ? eventRule(one) : metricRule(one, metrics)));
    },
    offer: (event, atMs) => rules.map((rule) => rule.offer(event, atMs)).includes(true),
    windowMs: () => Math.max(0, ...rules.map((rule) => rule.windowMs)),
  };
}
