import { late } from '../../kernel/late.ts';

const diff = late<typeof import('diff')>(import.meta, 'diff');

/** Beyond so many changed lines a diff helps nobody, and its cost grows with their square. */
const mostChangedLines = 600;

export interface DiffOptions {
  /** Names of the two sides, for the head of the diff. */
  readonly names: readonly [string, string];
  /** Characters after which it is cut, with a line that says so. */
  readonly maxLength: number;
}

/** A unified diff of two texts; empty where they are the same. */
export function textDiff(before: string, after: string, { names, maxLength }: DiffOptions): string {
  if (before === after) return '';
  const patch = diff().createTwoFilesPatch(names[0], names[1], before, after, '', '', { context: 3, maxEditLength: mostChangedLines });
  if (patch === undefined) return `--- ${names[0]}\n+++ ${names[1]}\n(more than ${mostChangedLines} lines differ)\n`;
  const body = patch.replace(/^=+\n/, '');
  if (body.length <= maxLength) return body;
  const cut = body.slice(0, body.lastIndexOf('\n', maxLength) + 1);
  return `${cut}(${body.length - cut.length} characters more)\n`;
}
