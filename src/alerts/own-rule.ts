import type { StoredEvent } from '../events/index.ts';
import type { AlertRuleSettings } from '../settings/types.ts';
import type { Finding } from './types.ts';

export interface Moment {
  /** Monotonic. */
  readonly nowMs: number;
  /** Subjects of the rule's alerts that fire already. */
  readonly firing: ReadonlySet<string>;
  /** The agent started a moment ago: what has not been measured yet says nothing. */
  readonly young: boolean;
}

/** A rule of the configuration, with what it remembers. */
export interface OwnRule {
  readonly settings: AlertRuleSettings;
  /** How far back its events count; 0 for a rule that counts none. */
  readonly windowMs: number;
  /** Whether it counts events of this type at all. */
  mayCount(type: string): boolean;
  /** Counts an event at a monotonic moment, later ones after earlier ones or not; answers whether it belongs to the rule. Its type is one that `mayCount`. */
  offer(event: StoredEvent, atMs: number): boolean;
  findings(moment: Moment): readonly Finding[];
}
