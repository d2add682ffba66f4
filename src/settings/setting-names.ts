import type { Key } from './keys.ts';

/** The name that a key has in the settings: `ping_interval` -> `pingIntervalMs`. */
function settingName(part: string, row: Key | undefined): string {
  const name = part.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return row?.type.kind === 'duration' ? `${name}Ms` : name;
}

/** Where the value of a key stands in the settings: `api.streams.ping_interval` -> `api`, `streams`, `pingIntervalMs`. */
export function settingNames(row: Key): readonly string[] {
  const parts = row.path.split('.');
  return parts.map((part, i) => settingName(part, i === parts.length - 1 ? row : undefined));
}
