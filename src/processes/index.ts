/**
 * The programs that sboxagent keeps alive: units of the configuration and gated inline commands.
 *
 * Invariants: never two instances of one id; a stop leaves nothing of a run behind; a pid is never signalled unless it is proven
 * (pid, start time, boot id, and executable or the run's mark) to be what it is taken for; children need nothing of the daemon,
 * so that they outlive it and are adopted; every change of state is one event, in order. A start pulls up what it depends on
 * (systemd's Requires= and After=) and a stop first stops what depends on it; a restart, asked for or by the policy, leaves
 * dependents alone.
 *
 * May be imported by plugins, sboxmgr, api (types) and app. It imports kernel, telemetry, events, logs and settings types. Child
 * processes are made and signalled in spawner.ts, and made by the launcher (launch/), which forks for the agent.
 */
export type { Author } from '../documents/index.ts';
export { type ConfigsOptions, type OpenConfigs, openProcessConfigs } from './apply/open-configs.ts';
export type {
  ApplyOptions,
  ApplyRecord,
  ConfigFormat,
  ConfigRevisionView,
  ProcessConfigs,
  ProcessConfigView,
} from './apply/types.ts';
export { findBinary } from './binary.ts';
export { confine } from './confine.ts';
export { runEnvironment } from './environment.ts';
export { type ExplainDeps, explainProcess } from './explain/explain.ts';
export type { ProcessExplanation } from './explain/types.ts';
export { findPerl } from './launch/launcher.ts';
export { workingDirectory } from './plan.ts';
export { runProbe } from './probes/run-probe.ts';
export type { ProbeResult } from './probes/types.ts';
export type { UnitChanges } from './replace-units.ts';
export { type AttachedEnd, type AttachedRun, runAttached } from './spawner.ts';
export { createSupervisor, type ProcessSupervisor, type SupervisorOptions } from './supervisor.ts';
export type {
  ExitRecord,
  ProcessChange,
  ProcessResources,
  ProcessState,
  ProcessTrial,
  ProcessView,
  StartOptions,
  Supervisor,
  TrialOptions,
} from './types.ts';
export { unitComplaints } from './unit-complaints.ts';
export { type GroupPlace, lookForGroupPlace } from './unit-groups.ts';
