/**
 * What sboxagent obeys: the configuration from files, environment and defaults, judged key by key before anything starts.
 * Invariants: one table of keys says all there is to say of a key; every refusal is one line with file, line, key and remedy; the
 * environment is read here and nowhere else.
 * May be imported by app and cli; its types by every room that is configured.
 */
export { activeSettings } from './active.ts';
export { parseCron } from './cron.ts';
export { diffSettings, type SettingsChange } from './diff.ts';
export { configurationPage } from './docs.ts';
export { parseText } from './document.ts';
export { configFiles, type FileOptions, readConfigFile } from './files.ts';
export { type AgentPlace, findAgent } from './find-agent.ts';
export { isLive, isOnTheWay, isSecret, keyTypeAt, maskText, maskWord } from './key-paths.ts';
export { scopeOfKey } from './key-scopes.ts';
export { aliases, environmentName, type Key, type KeyType, keyTable, unitKeyTable } from './keys.ts';
export { type LoadOptions, loadSettings } from './load.ts';
export { isMerge } from './merge-key.ts';
export { guardDepth, MAX_DEPTH } from './nesting.ts';
export { type OwnVariable, ownVariables } from './own-variables.ts';
export { printConfig } from './print.ts';
export { processEnv } from './process-env.ts';
export type { LoadedSettings, Settings, UnitSettings } from './types.ts';
