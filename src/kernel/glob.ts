/**
 * `*` is any run of characters within a segment, `**` across segments, dots and all; `net.**` is what lies below `net.`.
 * Matched by walking both, without a regular expression: a hostile glob costs at most its length times the text's.
 */
export function compileGlob(glob: string): (text: string) => boolean {
  if (!glob.includes('*')) return (text) => text === glob;
  const parts = glob.split(/(\*+)/).filter((part) => part !== '');
  return (text) => {
    // Positions in `text` where what was read of the glob may end.
    let ends = new Set([0]);
    for (const part of parts) {
      ends = part.startsWith('*') ? afterStar(text, ends, part.length > 1) : afterText(text, ends, part);
      if (ends.size === 0) return false;
    }
    return ends.has(text.length);
  };
}

function afterText(text: string, ends: ReadonlySet<number>, part: string): Set<number> {
  const next = new Set<number>();
  for (const end of ends) if (text.startsWith(part, end)) next.add(end + part.length);
  return next;
}

function afterStar(text: string, ends: ReadonlySet<number>, acrossDots: boolean): Set<number> {
  const next = new Set<number>();
  for (const end of ends) {
    for (let at = end; at <= text.length && !next.has(at); at++) {
      next.add(at);
      if (!acrossDots && text[at] === '.') break;
    }
  }
  return next;
}
