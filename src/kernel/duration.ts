/** Units in descending order, in milliseconds. */
const units: readonly (readonly [string, number])[] = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

/** What a duration looks like, for messages that refuse one. */
export const durationExample = '500ms, 30s, 5m, 2h, 7d, 1w or a compound such as 1m30s';

const part = /(\d+(?:\.\d+)?)(ms|[wdhms])/gy;

/**
 * Reads a duration such as `500ms`, `1.5s` or `1m30s` (Prometheus' notation: each unit at most once, larger ones first).
 * Answers milliseconds, rounded; undefined when it is none, or more than 2^53.
 */
export function parseDuration(text: string): number | undefined {
  let total = 0;
  let rank = -1;
  part.lastIndex = 0;
  let read = 0;
  while (read < text.length) {
    const match = part.exec(text);
    const next = match === null ? -1 : units.findIndex(([name]) => name === match[2]);
    if (match === null || next <= rank) return undefined;
    total += Number(match[1]) * (units[next]?.[1] ?? 0);
    rank = next;
    read = part.lastIndex;
  }
  const ms = Math.round(total);
  return rank >= 0 && Number.isSafeInteger(ms) ? ms : undefined;
}

/** The shortest exact notation that `parseDuration` reads back to the same; `0s` for 0. */
export function formatDuration(ms: number): string {
  let rest = Math.round(ms);
  if (rest === 0) return '0s';
  // Weeks are read but not written: a retention of 30 days should not come back as 4w2d.
  let text = '';
  for (const [name, size] of units.slice(1)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) text += `${count}${name}`;
  }
  return text;
}
