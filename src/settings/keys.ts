import { agentKeys } from './keys/agent.ts';
import { alertKeys } from './keys/alerts.ts';
import { apiKeys } from './keys/api.ts';
import { fleetKeys } from './keys/fleet.ts';
import { journalKeys } from './keys/journal.ts';
import { pluginKeys } from './keys/plugins.ts';
import { sboxmgrKeys } from './keys/sboxmgr.ts';
import type { Key } from './keys/types.ts';
import { processKeys } from './keys/units.ts';

export { ruleKeyTable, webhookKeyTable } from './keys/alerts.ts';
export { pluginUnitKeyTable } from './keys/plugin-unit.ts';
export type { Form, Key, KeyType } from './keys/types.ts';
export { unitKeyTable } from './keys/units.ts';

/**
 * The table of keys: one row a key of the configuration gives its type, default, range and meaning. Loading, the environment's
 * names, printing, the check for unknown keys and docs/configuration.md all read this table and no other.
 */
export const keyTable: readonly Key[] = [
  ...agentKeys,
  ...apiKeys,
  ...processKeys,
  ...pluginKeys,
  ...journalKeys,
  ...alertKeys,
  ...sboxmgrKeys,
  ...fleetKeys,
];

/** Keys that are read under another name: the seed's. */
export const aliases: ReadonlyMap<string, string> = new Map([['api.websocket', 'api.streams']]);

/** `api.port` -> `SBOXAGENT_API_PORT`; what no shell takes in a name (the `-` of an id) is an underscore too. */
export function environmentName(path: string): string {
  return `SBOXAGENT_${path.toUpperCase().replace(/[.-]/g, '_')}`;
}
