import type { ProbeAction, UnitSettings } from './units.ts';

export interface PluginSettings {
  readonly enabled: boolean;
  readonly healthCheck: { readonly enabled: boolean; readonly intervalMs: number; readonly timeoutMs: number; readonly retries: number };
  readonly eventCollection: { readonly enabled: boolean; readonly bufferSize: number; readonly flushIntervalMs: number };
  readonly configuration: {
    readonly autoReload: boolean;
    readonly validation: boolean;
    readonly backupEnabled: boolean;
    readonly backupRetentionMs: number;
  };
  readonly limits: { readonly plugins: number; readonly labels: number };
  readonly units: Readonly<Record<string, PluginUnitSettings>>;
}

export const recoverySteps = ['restart', 'rerun', 'push_config', 'rollback_config', 'disable'] as const;
export type RecoveryStep = (typeof recoverySteps)[number];

/** A unit that is a plugin of kind PROCESS. */
export interface PluginUnitSettings extends UnitSettings {
  /** Its health check; undefined = that it is READY. */
  readonly readiness: ProbeSettings | undefined;
  /** undefined = it declares no ladder. */
  readonly recovery:
    | { readonly steps: readonly RecoveryStep[]; readonly budget: number; readonly windowMs: number; readonly backoffMs: number }
    | undefined;
}

export interface ProbeSettings {
  readonly action: ProbeAction;
  readonly initialDelayMs: number;
  /** undefined = `plugins.health_check.interval`. */
  readonly periodMs: number | undefined;
  /** undefined = `plugins.health_check.timeout`. */
  readonly timeoutMs: number | undefined;
  readonly successThreshold: number;
  /** undefined = `plugins.health_check.retries`. */
  readonly failureThreshold: number | undefined;
}
