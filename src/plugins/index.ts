/**
 * sboxmgr's plugins: who they are, how they are, and their configuration.
 *
 * Invariants: an event of a plugin makes it known, and is in the journal before it counts here; the number of plugins, of their labels
 * and of what waits in memory is bounded, and what is refused is counted; health is level-triggered: one event a transition however
 * many checks agree, by a clock that neither jumps nor runs while the agent sleeps; a recovery never takes more steps than its budget
 * and says once that it gave up; only a plugin's own session sees its secrets.
 *
 * May be imported by api, sboxmgr and app. It imports kernel, settings (types), telemetry, store, events, config and processes.
 */
export { type OpenedPlugins, openPlugins, type PluginRoom, type PluginsOptions } from './open-plugins.ts';
export type {
  ApplyState,
  DocumentUpdate,
  HealthReport,
  HealthStatus,
  PluginBackup,
  PluginChange,
  PluginDocument,
  PluginDocuments,
  PluginKind,
  PluginState,
  Plugins,
  PluginView,
  Registration,
  Session,
} from './types.ts';
export { pluginStates } from './types.ts';
