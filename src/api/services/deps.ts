/** What the services need of the rooms. Each takes what is its own of it. */
import type { Alerts } from '../../alerts/types.ts';
import type { Audit } from '../../audit/types.ts';
import type { ConfigManager } from '../../config/types.ts';
import type { Journal } from '../../events/types.ts';
import type { Fleet } from '../../fleet/index.ts';
import type { Logs } from '../../logs/types.ts';
import type { Plugins } from '../../plugins/types.ts';
import type { ProcessConfigs, ProcessExplanation, Supervisor } from '../../processes/index.ts';
import type { Settings } from '../../settings/types.ts';
import type { MetricFamily, MetricHistory } from '../../telemetry/index.ts';
import type { CustomMetrics } from '../../telemetry/types.ts';
import type { Traces } from '../../traces/types.ts';
import type { Validate } from '../dispatch/validation.ts';
import type { HealthBoard, StatusSource } from '../health.ts';

export interface ServiceDeps {
  readonly journal: Journal;
  readonly logs: Pick<Logs, 'list' | 'feed'>;
  readonly supervisor: Supervisor;
  readonly configs: ProcessConfigs;
  readonly explain: (id: string) => Promise<ProcessExplanation>;
  readonly plugins: Plugins;
  readonly alerts: Alerts;
  readonly audit: Pick<Audit, 'begin' | 'list'>;
  readonly traces: Traces;
  /** undefined: this agent is in no fleet. */
  readonly fleet: Pick<Fleet, 'members' | 'select'> | undefined;
  readonly config: ConfigManager;
  readonly custom: CustomMetrics;
  readonly metrics: Pick<MetricHistory, 'rollups' | 'points'> & { snapshot(): Promise<readonly MetricFamily[]>; wallMs(): number };
  readonly health: HealthBoard;
  readonly status: StatusSource;
  /** The settings in force: asked at every call, so that a reload takes effect. */
  readonly api: () => Pick<Settings['api'], 'limits' | 'streams'>;
  readonly validate: Validate;
}
