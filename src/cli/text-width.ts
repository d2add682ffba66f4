import { createRequire } from 'node:module';

type StringWidth = (text: string) => number;

let measure: StringWidth | undefined;

/** Columns that a text takes in a terminal: wide characters take two, marks none. */
export function textWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  // Loaded where there is such a text: it costs more than a command.
  measure ??= loadMeasure();
  return measure(text);
}

function loadMeasure(): StringWidth {
  const loaded: unknown = createRequire(import.meta.url)('string-width');
  return (loaded as { default?: StringWidth }).default ?? (loaded as StringWidth);
}

/** What a person sees as one character. */
function graphemes(text: string): string[] {
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
}

/** As much of it as fits into `width` columns. */
function head(text: string, width: number): string {
  let kept = '';
  let used = 0;
  for (const one of graphemes(text)) {
    used += textWidth(one);
    if (used > width) break;
    kept += one;
  }
  return kept;
}

/** A text that is too wide ends with `…`. */
export function cutText(text: string, width: number): string {
  return textWidth(text) <= width ? text : `${head(text, Math.max(0, width - 1))}…`;
}

/** Its lines, none wider than `width`, broken between words where that can be. At least one. */
export function wrapText(text: string, width: number): string[] {
  if (textWidth(text) <= width) return [text];
  const lines: string[] = [];
  let line = '';
  for (let word of text.split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (textWidth(joined) <= width) {
      line = joined;
      continue;
    }
    if (line !== '') lines.push(line);
    while (textWidth(word) > width) {
      const part = head(word, width) || (graphemes(word)[0] ?? '');
      lines.push(part);
      word = word.slice(part.length);
    }
    line = word;
  }
  if (line !== '') lines.push(line);
  return lines;
}
