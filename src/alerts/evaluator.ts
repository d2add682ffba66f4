import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../telemetry/types.ts';
import type { Book } from './book.ts';
import { byKey, type Evaluation, type Found } from './diff.ts';
import type { EventReader } from './event-reader.ts';
import type { RuleSet } from './rule-set.ts';
import type { BuiltInRule } from './types.ts';

export interface EvaluatorOptions {
  readonly builtIn: readonly BuiltInRule[];
  readonly rules: RuleSet;
  readonly reader: Pick<EventReader, 'ready'>;
  readonly book: Pick<Book, 'firing'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** After a start what fired before is given this long to be found again; what is measured by others twelve times as long. */
  readonly settleMs: number;
}

/** Asks every rule what is wrong now. A rule that throws is told of once, and changes nothing. */
export function createEvaluator(options: EvaluatorOptions): { start(): void; evaluate(): Evaluation } {
  const { builtIn, rules, reader, book, clock, logger, settleMs } = options;
  let startedMs = clock.monotonicMs();
  const failing = new Set<string>();
  const ask = (name: string, silent: Set<string>, fn: () => readonly Found[]): readonly Found[] => {
    try {
      const found = fn();
      failing.delete(name);
      return found;
    } catch (error) {
      silent.add(name);
      if (!failing.has(name)) logger.error({ err: error, rule: name }, 'an alert rule failed; its alerts stay as they are');
      failing.add(name);
      return [];
    }
  };
  return {
    start() {
      startedMs = clock.monotonicMs();
    },
    evaluate() {
      const nowMs = clock.monotonicMs();
      const silent = new Set<string>();
      const young = nowMs - startedMs < 12 * settleMs;
      const subjects = subjectsByRule(book);
      const found = builtIn.flatMap((rule) =>
        ask(rule.name, silent, () => rule.findings().map((one) => ({ ...one, rule: rule.name, severity: rule.severity }))),
      );
      for (const rule of rules.rules()) {
        const { name, severity } = rule.settings;
        if (rule.windowMs > 0 && !reader.ready()) silent.add(name);
        else
          found.push(
            ...ask(name, silent, () =>
              rule.findings({ nowMs, firing: subjects.get(name) ?? new Set(), young }).map((one) => ({ ...one, rule: name, severity })),
            ),
          );
      }
      return { found: byKey(found), silent, settled: nowMs - startedMs >= settleMs };
    },
  };
}

function subjectsByRule({ firing }: Pick<Book, 'firing'>): ReadonlyMap<string, ReadonlySet<string>> {
  const subjects = new Map<string, Set<string>>();
  for (const { view } of firing.values()) {
    const known = subjects.get(view.rule);
    if (known) known.add(view.subject);
    else subjects.set(view.rule, new Set([view.subject]));
  }
  return subjects;
}
