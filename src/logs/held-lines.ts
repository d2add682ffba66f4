/** Lines of a run that are held for `last` and `onLine`. */
const maxLines = 250;
const maxChars = 256 << 10;

/** The newest lines of one run, and who wants each of them. */
export interface HeldLines {
  push(line: string): void;
  /** The newest, oldest first. */
  last(count: number): readonly string[];
  /** Calls `fn` for every line, also for those that are held. Answers how to stop. */
  onLine(fn: (line: string) => void): () => void;
}

export function createHeldLines(): HeldLines {
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  let chars = 0;
  return {
    push(line) {
      lines.push(line);
      chars += line.length;
      while (lines.length > maxLines || chars > maxChars) chars -= lines.shift()?.length ?? chars;
      for (const fn of listeners) notify(fn, line);
    },
    last: (count) => (count > 0 ? lines.slice(-count) : []),
    onLine(fn) {
      for (const line of lines) notify(fn, line);
      listeners.add(fn);
      return () => void listeners.delete(fn);
    },
  };
}

/** How many lines of an earlier agent are worth restoring. */
export const maxHeldLines = maxLines;

/** A listener that fails must not cost the line. */
function notify(fn: (line: string) => void, line: string): void {
  try {
    fn(line);
  } catch {
    // Its own matter.
  }
}
