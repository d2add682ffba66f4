import { withStart } from '../restart-policy.ts';
import type { Lifecycle, Moment, Step } from './types.ts';

/** A start, whatever came before. */
export function begin(from: Lifecycle, at: Moment): Step {
  if (from.halted) return { next: from, effects: [] };
  const history = withStart(at.restart, from.history, at.nowMs);
  return {
    next: { ...from, phase: { state: 'STARTING', run: undefined }, history, refusal: '', reason: '', message: '' },
    effects: [
      { do: 'emit', type: 'starting', data: {}, traceId: from.traceId },
      { do: 'spawn', restartCount: from.restartCount },
    ],
  };
}
