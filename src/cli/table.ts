import { printableLines } from './escape.ts';
import { cutText, textWidth, wrapText } from './text-width.ts';

/** How text is shown: on a terminal, or to a program. */
export interface Style {
  readonly colours: boolean;
  /** Columns of the terminal; infinite where nothing is to be fitted. */
  readonly width: number;
  /** Whether columns for `-o wide` are shown. */
  readonly wide?: boolean;
  /** Whether a person reads it: an empty list is said in words then. A program gets the header. */
  readonly terminal?: boolean;
}

export interface Column<T> {
  readonly title: string;
  /** Line breaks are shown as such in the last column, which may have several lines. */
  readonly cell: (row: T) => string;
  /** Least width, for rows that are printed before the next is known. */
  readonly width?: number;
  /** What is typed again, such as an id: it is never cut. */
  readonly whole?: true;
  /** Shown with `-o wide` alone. */
  readonly wide?: true;
  /** Where the terminal is too narrow, cells may be cut to this width. */
  readonly least?: number;
  /** Where it is too narrow still, the column is left out: that of the highest number first. */
  readonly drop?: number;
  readonly colour?: (row: T) => Colour | undefined;
}

export type Colour = 'green' | 'yellow' | 'red' | 'dim' | 'cyan' | 'magenta' | 'blue';
const codes: Readonly<Record<Colour, string>> = {
  green: '32',
  yellow: '33',
  red: '31',
  dim: '2',
  cyan: '36',
  magenta: '35',
  blue: '34',
};
const gap = 2;
/** Narrower than this the last column stands below its row. */
const leastText = 24;
const indent = 4;

export function paint(text: string, colour: Colour | undefined, { colours }: Pick<Style, 'colours'>): string {
  return colours && colour !== undefined ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text;
}

interface Cell {
  readonly lines: readonly string[];
  readonly colour: Colour | undefined;
  readonly whole?: true | undefined;
}

function cellsOf<T>(columns: readonly Column<T>[], row: T): Cell[] {
  return columns.map(({ cell, colour, whole }, i) => {
    const lines = printableLines(cell(row));
    const isLast = i === columns.length - 1;
    const text = isLast ? lines : [lines.filter((line) => line !== '').join(' ')];
    return { lines: text.length === 1 && text[0] === '' ? ['-'] : text, colour: colour?.(row), whole };
  });
}

const total = (widths: readonly number[]): number => widths.reduce((sum, width) => sum + width + gap, -gap);

/** The columns that fit, with their widths but for the last one's, which takes what is left. */
interface Layout<T> {
  readonly columns: readonly Column<T>[];
  readonly widths: readonly number[];
  readonly style: Style;
}

/** Cuts, then leaves out, then lets the last column stand below. */
function fit<T>(columns: readonly Column<T>[], wanted: readonly number[], style: Style): Layout<T> {
  const last = columns.length - 1;
  // The last column is broken into lines: it asks for no more than it needs to stand beside the others.
  const widths = wanted.map((width, i) => (i === last ? Math.min(width, leastText) : width));
  const over = (): number => total(widths) - style.width;
  while (over() > 0) {
    const elastic = widths.map((width, i) => (i === last ? 0 : width - (columns[i]?.least ?? width)));
    const most = Math.max(...elastic);
    if (most <= 0) break;
    const i = elastic.indexOf(most);
    widths[i] = (widths[i] ?? 0) - Math.min(most, Math.max(1, Math.ceil(over() / 2)));
  }
  const droppable = columns.filter(({ drop }) => drop !== undefined).toSorted((a, b) => (b.drop ?? 0) - (a.drop ?? 0))[0];
  if (over() <= 0 || droppable === undefined) return { columns, widths, style };
  const kept = columns.map((column, i) => ({ column, width: wanted[i] ?? 0 })).filter(({ column }) => column !== droppable);
  return fit(
    kept.map(({ column }) => column),
    kept.map(({ width }) => width),
    style,
  );
}

function line(cells: readonly Cell[], { widths, style }: Pick<Layout<never>, 'widths' | 'style'>): string {
  const last = cells.length - 1;
  const natural = cells.slice(0, last).map(({ lines: [text = ''] }, i) => Math.max(widths[i] ?? 0, textWidth(text)));
  const least = natural.map((width, i) => (cells[i]?.whole === true ? width : (widths[i] ?? 0)));
  const { lines = [], colour: lastColour } = cells[last] ?? {};
  const room = style.width - total(least) - gap;
  const below = last > 0 && room < leastText && lines.some((text) => textWidth(text) > room);
  // Where the last column stands below, the others have the whole line: nothing is cut for its sake.
  const needed = below ? natural : [...natural, Math.min(leastText, widths[last] ?? 0)];
  const used = total(needed) <= style.width ? natural : least;
  const before = cells.slice(0, last).map(({ lines: [text = ''], colour }, i) => {
    const shown = cutText(text, used[i] ?? 0);
    return paint(shown, colour, style) + ' '.repeat(Math.max(0, (used[i] ?? 0) - textWidth(shown)));
  });
  const start = before.length === 0 ? '' : `${before.join('  ')}  `;
  const at = before.length === 0 ? 0 : total(used.slice(0, last)) + gap;
  const column = below ? indent : at;
  const text = lines.flatMap((one) => wrapText(one, Math.max(leastText, style.width - column))).map((one) => paint(one, lastColour, style));
  const lead = `\n${' '.repeat(column)}`;
  return `${(below ? `${start.trimEnd()}${lead}` : start) + text.join(lead)}`.replaceAll(/ +$/gm, '').concat('\n');
}

function header<T>(layout: Layout<T>): string {
  return line(
    layout.columns.map(({ title }) => ({ lines: [title], colour: undefined })),
    layout,
  );
}

function shownColumns<T>(columns: readonly Column<T>[], { wide }: Style): readonly Column<T>[] {
  return wide === true ? columns : columns.filter((column) => column.wide !== true);
}

/** A table whose columns are as wide as their widest cell, as far as the terminal goes. */
export function table<T>(all: readonly Column<T>[], rows: readonly T[], style: Style): string {
  const columns = shownColumns(all, style);
  const widths = columns.map(({ title }) => title.length);
  for (const row of rows) {
    for (const [i, { lines }] of cellsOf(columns, row).entries()) widths[i] = Math.max(widths[i] ?? 0, ...lines.map(textWidth));
  }
  const layout = fit(columns, widths, style);
  return header(layout) + rows.map((row) => line(cellsOf(layout.columns, row), layout)).join('');
}

/** A table of a list; a person who has an empty one reads `none` instead of a header without rows. */
export function listTable<T>(columns: readonly Column<T>[], rows: readonly T[], { style, none }: { style: Style; none: string }): string {
  return rows.length === 0 && style.terminal === true ? `${none}\n` : table(columns, rows, style);
}

/** The same for rows that come one by one: columns keep their least width. */
export function runningTable<T>(all: readonly Column<T>[], style: Style): { header: string; row: (row: T) => string } {
  const columns = shownColumns(all, style);
  const widths = columns.map(({ title, width }) => Math.max(title.length, width ?? 0));
  const layout = fit(columns, widths, style);
  return { header: header(layout), row: (row) => line(cellsOf(layout.columns, row), layout) };
}

/** Titles with their values, one below the other; what is empty is left out. */
export function card(rows: readonly (readonly [title: string, value: string, colour?: Colour | undefined])[], style: Style): string {
  const shown = rows.filter(([, value]) => value !== '');
  const widths = [Math.max(...shown.map(([title]) => textWidth(title))), leastText];
  return shown
    .map(([title, value, colour]) =>
      line(
        [
          { lines: [title], colour: undefined },
          { lines: printableLines(value), colour },
        ],
        { widths, style },
      ),
    )
    .join('');
}
