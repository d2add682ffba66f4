/** What the services need to know of the agent's state: implemented where everybody is known. */
import type { JsonObject } from '../events/types.ts';

export type HealthStatus = 'HEALTHY' | 'DEGRADED' | 'UNHEALTHY';

export interface HealthComponent {
  readonly name: string;
  readonly status: HealthStatus;
  /** Empty when HEALTHY. */
  readonly message: string;
  readonly sinceMs: number;
  readonly data?: JsonObject;
}

export interface HealthSnapshot {
  /** The worst of the components; UNHEALTHY also while the agent stops. */
  readonly status: HealthStatus;
  readonly components: readonly HealthComponent[];
  readonly timeMs: number;
}

/** Judges the agent's health. */
export interface HealthBoard {
  snapshot(): HealthSnapshot;
  /** The snapshot's word alone, for who asks often. */
  status(): HealthStatus;
  /** Calls `fn` whenever a status changes. Answers how to stop. */
  onChange(fn: (snapshot: HealthSnapshot) => void): () => void;
}

/** What GetStatus answers, but for what the rooms say themselves. */
export interface StatusSnapshot {
  readonly name: string;
  readonly version: string;
  readonly commit: string;
  readonly startTimeMs: number;
  readonly uptimeMs: number;
  readonly pid: number;
  readonly listeners: readonly string[];
  readonly configPaths: readonly string[];
  readonly configEtag: string;
  /** Plugins known. */
  readonly plugins: number;
  readonly streams: number;
  readonly connections: number;
}

export type StatusSource = () => StatusSnapshot;
