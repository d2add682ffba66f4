/** The entries of a trace as a tree of what belongs to what. Pure. */
import { type TraceEntry, TraceEntry_Kind } from '../../../gen/es/sboxagent/v1/trace_pb.js';

export interface StoryRow {
  readonly entry: TraceEntry;
  /** How deep it lies below the first span. */
  readonly depth: number;
}

const deepest = 12;

/** Each entry below the span that it belongs to, and in the order of time beside its siblings. One whose span is not there stands at the top. */
export function storyOf(entries: readonly TraceEntry[]): readonly StoryRow[] {
  const spans = new Set(entries.filter(({ kind }) => kind === TraceEntry_Kind.SPAN).map(({ id }) => id));
  const below = new Map<string, TraceEntry[]>();
  for (const entry of entries) {
    const parent = spans.has(entry.parentId) && entry.parentId !== entry.id ? entry.parentId : '';
    below.set(parent, [...(below.get(parent) ?? []), entry]);
  }
  const rows: StoryRow[] = [];
  const seen = new Set<TraceEntry>();
  const place = (parent: string, depth: number): void => {
    for (const entry of below.get(parent) ?? []) {
      if (seen.has(entry)) continue;
      seen.add(entry);
      rows.push({ entry, depth: Math.min(depth, deepest) });
      if (entry.kind === TraceEntry_Kind.SPAN) place(entry.id, depth + 1);
    }
  };
  place('', 0);
  // Spans that are each other's parent hang on nothing: they are shown all the same.
  for (const entry of entries) if (!seen.has(entry)) rows.push({ entry, depth: 0 });
  return rows;
}
