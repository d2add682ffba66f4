import { recoverySteps } from '../types.ts';
import { duration, HOUR_MS, integer, key, writable } from './kinds.ts';
import { plainProbeKinds, probeKindKeys } from './probes.ts';
import type { Key, KeyType } from './types.ts';
import { unitKeyTable } from './units.ts';

const probe = 'probes.readiness';
const kinds = plainProbeKinds.map((kind) => `${probe}.${kind}`);
const steps: KeyType = {
  kind: 'strings',
  form: { pattern: { test: (step) => recoverySteps.some((known) => known === step) }, what: `one of ${recoverySteps.join(', ')}` },
};

const proof = (needs: readonly string[], row: Key): Key => ({ ...row, needs });
const ladder = ['recovery.steps'];

const rows: readonly Key[] = [
  ...probeKindKeys(probe, plainProbeKinds),
  proof(kinds, key(`${probe}.initial_delay`, duration(0, 24 * HOUR_MS), '0s', 'Time before the first check.')),
  key(`${probe}.period`, duration(100), undefined, 'How often. Default: plugins.health_check.interval.'),
  key(`${probe}.timeout`, duration(100), undefined, 'How long a check may take. Default: plugins.health_check.timeout.'),
  proof(kinds, key(`${probe}.success_threshold`, integer(1, 1000), 1, 'Successes in a row that heal.')),
  key(
    `${probe}.failure_threshold`,
    integer(1, 1000),
    undefined,
    'Failures in a row that make it UNHEALTHY. Default: plugins.health_check.retries.',
  ),
  key('recovery.steps', steps, undefined, `How it is mended, in order: ${recoverySteps.join(', ')}.`),
  proof(ladder, key('recovery.budget', integer(1, 1000), 5, 'So many steps within the window; then it is given up.')),
  proof(ladder, key('recovery.window', duration(1000), '10m', 'That window.')),
  proof(ladder, key('recovery.backoff', duration(0, 24 * HOUR_MS), '1s', 'Time before the next step.')),
];

const numbers = ['initial_delay', 'period', 'timeout', 'success_threshold', 'failure_threshold'].map((name) => `${probe}.${name}`);

/**
 * The keys of a plugin that sboxagent runs: those of a unit (its readiness probe is the check of its health, with the numbers of
 * plugins.health_check where it says none), and how it is mended.
 */
export const pluginUnitKeyTable = [
  ...unitKeyTable.filter(({ path }) => !path.startsWith(`${probe}.`)),
  ...writable(rows, [...numbers, 'recovery.*']),
];
