import type { OpenAccess } from '../access/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { openPlugins } from '../plugins/index.ts';
import { createSupervisor, openProcessConfigs } from '../processes/index.ts';
import type { Settings, UnitSettings } from '../settings/types.ts';
import type { Ending } from './endings.ts';
import type { Foundation } from './foundation.ts';
import { createUnitChanges } from './unit-changes.ts';

/** How long all processes together are given to end. */
const stopMs = 20_000;

export interface SupervisionOptions {
  readonly settings: Settings;
  readonly foundation: Foundation;
  readonly access: OpenAccess;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where what the agent runs finds it. */
  readonly ownTarget: string;
  readonly reloadDelayMs: () => number;
  /** Runs sboxmgr's schedule now; undefined while there is none. */
  readonly rerun: () => (() => Promise<void>) | undefined;
  /** Descriptors that the daemon was started with and uses itself. */
  readonly ownDescriptors: readonly number[];
  readonly clock: Clock;
}

/** What the agent runs: the units of the configuration, and the plugins among them. */
export interface Supervision {
  readonly plugins: ReturnType<Awaited<ReturnType<typeof openPlugins>>['run']>;
  readonly configs: Awaited<ReturnType<typeof openProcessConfigs>>;
  readonly supervisor: ReturnType<typeof createSupervisor>;
  /** Puts changed units, and changed settings of plugins, into effect. */
  apply(settings: Settings): Promise<void>;
  /** In order. */
  readonly endings: readonly Ending[];
}

function pluginUnits({ plugins }: Settings): readonly string[] {
  return plugins.enabled ? Object.keys(plugins.units) : [];
}

export async function openSupervision(options: SupervisionOptions): Promise<Supervision> {
  const { settings, access, environment, ownTarget, clock } = options;
  const { telemetry, logger, metrics, store, journal, logs } = options.foundation;
  const { stateDir } = settings.agent;
  const { spans } = telemetry;
  const path = environment['PATH'] ?? '';
  access.setUnits(pluginUnits(settings));
  const opened = await openPlugins({
    settings: settings.plugins,
    stateDir,
    reloadDelayMs: options.reloadDelayMs,
    environment,
    unitEnvironment: (id) => ({ SBOXAGENT_TARGET: ownTarget, SBOXAGENT_TOKEN: access.unitToken(id) }),
    store,
    journal,
    clock,
    logger,
    metrics,
    spans,
    rerun: options.rerun,
  });
  const unitsOf = ({ processes, plugins }: Settings): Readonly<Record<string, UnitSettings>> => ({
    ...processes.units,
    ...(plugins.enabled ? opened.units(plugins.units) : {}),
  });
  // Before anything is started or adopted: an apply that the end of the last agent interrupted is finished or undone.
  const configs = await openProcessConfigs({
    units: unitsOf(settings),
    context: { stateDir, path, environment },
    store,
    journal,
    metrics,
    spans,
    clock,
    logger,
  });
  const supervisor = createSupervisor({
    configs,
    units: unitsOf(settings),
    inline: settings.processes.inline,
    figuresEveryMs: settings.api.metrics.collectionIntervalMs,
    cgroups: settings.processes.cgroups,
    ownDescriptors: options.ownDescriptors,
    stateDir,
    path,
    environment,
    journal,
    logs,
    logger,
    metrics,
    spans,
    clock,
  });
  const plugins = opened.run(supervisor);
  const units = createUnitChanges({ supervisor, configs, logger, clock });
  return {
    plugins,
    configs,
    supervisor,
    async apply(next) {
      access.setUnits(pluginUnits(next));
      await plugins.setSettings(next.plugins);
      await units.apply(unitsOf(next));
    },
    endings: [
      ['plugins', () => plugins.stop()],
      ['applies', () => configs.stop()],
      ['processes', () => supervisor.stopAll(stopMs)],
      ['units', () => units.stop()],
    ],
  };
}
