import type { UnitSettings } from './types.ts';

/** What a unit is that asks for nothing special: the defaults of whom it runs as, its limits, its probes and its applies. */
export const plainUnit: Pick<UnitSettings, 'user' | 'group' | 'noNewPrivs' | 'capabilities' | 'umask' | 'limits' | 'probes' | 'apply'> = {
  user: undefined,
  group: undefined,
  noNewPrivs: false,
  capabilities: [],
  umask: 0o022,
  limits: { rlimits: {}, memoryBytes: undefined },
  probes: { startup: undefined, readiness: undefined, liveness: undefined },
  apply: { readyWithinMs: 15_000, probe: undefined, soakMs: 5000, allowedDirs: [], policy: 'enforce', onFileChange: 'report' },
};
