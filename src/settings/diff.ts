import { isDeepStrictEqual } from 'node:util';
import { type Key, keyTable } from './keys.ts';
import { settingName } from './to-settings.ts';
import type { Settings } from './types.ts';

export interface SettingsChange {
  /** Dotted key of the configuration. */
  readonly path: string;
  /** Whether it takes effect without a restart. */
  readonly live: boolean;
}

function valueAt(settings: Settings, row: Key): unknown {
  const parts = row.path.split('.');
  let at: unknown = settings;
  for (const [i, part] of parts.entries()) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string, unknown>)[settingName(part, i === parts.length - 1 ? row : undefined)];
  }
  return at;
}

/** The keys that differ. */
export function diffSettings(before: Settings, after: Settings): readonly SettingsChange[] {
  return keyTable
    .filter((row) => !isDeepStrictEqual(valueAt(before, row), valueAt(after, row)))
    .map(({ path, live }) => ({ path, live: live === true }));
}
