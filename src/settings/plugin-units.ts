import type { Entries } from './entries.ts';
import { refuse } from './problems.ts';
import type { Declared } from './units.ts';

/** Refuses a ladder without steps. @throws RefusedError */
export function refuseUnfitRecovery(entries: Entries, { base }: Declared): void {
  const path = `${base}.recovery`;
  const steps = entries.get(`${path}.steps`);
  const [other] = ['budget', 'window', 'backoff'].map((name) => entries.get(`${path}.${name}`)).filter((entry) => entry !== undefined);
  if (steps === undefined && other !== undefined) throw refuse(other.at, `${path}.steps`, 'not given; name the steps, or remove recovery');
  if (steps !== undefined && (steps.value as readonly string[]).length === 0) {
    throw refuse(steps.at, `${path}.steps`, 'no steps; name some, or remove recovery');
  }
}
