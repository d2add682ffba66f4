function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** What a comparison costs is the product of the lengths; a document may bring names and words of its own, a hundred times. */
const MOST_WORK = 60_000;

/** `; did you mean X?`, where one of the names is near enough; else what to do. */
export function suggestion(word: string, names: Iterable<string>): string {
  if (word.length > 100) return '; see docs/configuration.md for the keys there are';
  let best = '';
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  let work = 0;
  for (const name of names) {
    if (Math.abs(name.length - word.length) >= least) continue;
    work += name.length * word.length;
    if (work > MOST_WORK) break;
    const d = distance(word.toLowerCase(), name.toLowerCase());
    if (d < least) [best, least] = [name, d];
  }
  return best === '' ? '; see docs/configuration.md for the keys there are' : `; did you mean ${best}?`;
}
