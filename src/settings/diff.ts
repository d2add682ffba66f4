import { isDeepStrictEqual } from 'node:util';
import { keyTable } from './keys.ts';
import type { Settings } from './types.ts';

export interface SettingsChange {
  /** Dotted key of the configuration. */
  readonly path: string;
  /** Whether it takes effect without a restart. */
  readonly live: boolean;
}

/** `unix_socket` -> `unixSocket`; the settings append units to names of durations. */
function valueAt(settings: Settings, path: string): unknown {
  let at: unknown = settings;
  for (const part of path.split('.')) {
    const name = part.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (typeof at !== 'object' || at === null) return undefined;
    const record = at as Record<string, unknown>;
    at = record[name] ?? record[`${name}Ms`] ?? record[part];
  }
  return at;
}

/** The keys that differ. */
export function diffSettings(before: Settings, after: Settings): readonly SettingsChange[] {
  return keyTable
    .filter(({ path }) => !isDeepStrictEqual(valueAt(before, path), valueAt(after, path)))
    .map(({ path, live }) => ({ path, live: live === true }));
}
