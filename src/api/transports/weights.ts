/** What a header of preferences (`Accept`, `Accept-Encoding`) says. */

/** One of its entries, in lower case and without blanks. */
interface Preference {
  readonly name: string;
  /** `version=1.0.0`, without the weight. */
  readonly parameters: readonly string[];
  /** From 0, which means never, to 1; what is no number counts as 0. */
  readonly weight: number;
}

export function preferences(text = ''): readonly Preference[] {
  return text
    .toLowerCase()
    .split(',')
    .map((entry) => {
      const [name = '', ...said] = entry.replaceAll(/\s/g, '').split(';');
      const weight = Number(said.find((part) => part.startsWith('q='))?.slice(2) ?? 1);
      return { name, parameters: said.filter((part) => !part.startsWith('q=')), weight: Number.isNaN(weight) ? 0 : weight };
    });
}

/** What the client wants most of what there is; of two that weigh the same the first that it names. Undefined: it names none of it. */
export function preferred<T>(text: string | undefined, byType: ReadonlyMap<string, T>): T | undefined {
  const asked = preferences(text).filter(({ name, weight }) => weight > 0 && byType.has(name));
  const [best] = asked.toSorted((a, b) => b.weight - a.weight);
  return best && byType.get(best.name);
}
