import { type Key, keyTable } from './keys.ts';
import { settingNames } from './setting-names.ts';
import type { Settings } from './types.ts';

type Table = Record<string, unknown>;

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * What the rooms obey after a change: the new values of what is live, and for the rest what the agent was started with. The table of
 * keys is the one place that says which is which, so that nothing that is answered RESTART_REQUIRED is in effect before the restart.
 */
export function activeSettings(started: Settings, next: Settings): Settings {
  const active = structuredClone(next);
  for (const row of keyTable) if (row.live !== true) copy(row, started as unknown as Table, active as unknown as Table);
  return withoutUnfitMix(active, started);
}

/** Sets in `to` what `from` has for a key; a group that is absent there (`api.tls`) is absent here. */
function copy(row: Key, from: Table, to: Table): void {
  const names = settingNames(row);
  let [source, target] = [from, to];
  for (const name of names.slice(0, -1)) {
    const inner = source[name];
    if (!isTable(inner)) {
      target[name] = inner;
      return;
    }
    const place = target[name];
    const next: Table = isTable(place) ? place : {};
    target[name] = next;
    [source, target] = [inner, next];
  }
  const last = names.at(-1) ?? '';
  target[last] = source[last];
}

/** The whole was judged as it will be after the restart; until then a live key may meet one that is not, and be refused beside it. */
function withoutUnfitMix(active: Settings, started: Settings): Settings {
  const { security } = active.api;
  if (!security.authEnabled || !security.cors.allowedOrigins.includes('*')) return active;
  return { ...active, api: { ...active.api, security: { ...security, cors: started.api.security.cors } } };
}
