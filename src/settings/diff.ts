import { isDeepStrictEqual } from 'node:util';
import { type Key, keyTable } from './keys.ts';
import { settingNames } from './setting-names.ts';
import type { Settings } from './types.ts';

export interface SettingsChange {
  /** Dotted key of the configuration. */
  readonly path: string;
  /** Whether it takes effect without a restart. */
  readonly live: boolean;
}

function valueAt(settings: Settings, row: Key): unknown {
  let at: unknown = settings;
  for (const name of settingNames(row)) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

/** The keys that differ. */
export function diffSettings(before: Settings, after: Settings): readonly SettingsChange[] {
  return keyTable
    .filter((row) => !isDeepStrictEqual(valueAt(before, row), valueAt(after, row)))
    .map(({ path, live }) => ({ path, live: live === true }));
}
