/** Binary and decimal units, in bytes; the bare letters K, M, G are not read, because people mean both by them. */
const units: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

/** Reads a size such as `64KiB`, `1.5 MiB` or `1000000`. Answers bytes, rounded; undefined when it is none. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)?$/.exec(text);
  if (match === null) return undefined;
  const unit = match[2] === undefined ? 1 : Object.hasOwn(units, match[2]) ? units[match[2]] : undefined;
  if (unit === undefined) return undefined;
  const bytes = Math.round(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The largest binary unit that says it exactly; `parseSize` reads it back to the same. */
export function formatSize(bytes: number): string {
  for (const name of ['TiB', 'GiB', 'MiB', 'KiB']) {
    const unit = units[name] ?? 1;
    if (bytes >= unit && bytes % unit === 0) return `${bytes / unit}${name}`;
  }
  return `${bytes}B`;
}
