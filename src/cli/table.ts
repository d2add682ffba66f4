import { printable } from './escape.ts';

export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => string;
  /** Least width, for rows that are printed before the next is known. */
  readonly width?: number;
  readonly colour?: (row: T) => Colour | undefined;
}

export type Colour = 'green' | 'yellow' | 'red' | 'dim';
const codes: Readonly<Record<Colour, string>> = { green: '32', yellow: '33', red: '31', dim: '2' };

export function paint(text: string, colour: Colour | undefined, colours: boolean): string {
  return colours && colour !== undefined ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text;
}

function line(cells: readonly { text: string; colour?: Colour | undefined }[], widths: readonly number[], colours: boolean): string {
  const padded = cells.map(({ text, colour }, i) => {
    const gap = i === cells.length - 1 ? 0 : (widths[i] ?? 0) - [...text].length;
    return paint(text, colour, colours) + ' '.repeat(Math.max(0, gap));
  });
  return `${padded.join('  ').trimEnd()}\n`;
}

function cellsOf<T>(columns: readonly Column<T>[], row: T): { text: string; colour?: Colour | undefined }[] {
  return columns.map(({ cell, colour }) => ({ text: printable(cell(row)) || '-', colour: colour?.(row) }));
}

/** A table whose columns are as wide as their widest cell. */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], colours: boolean): string {
  const body = rows.map((row) => cellsOf(columns, row));
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...body.map((cells) => [...(cells[i]?.text ?? '')].length)));
  return header(columns, widths) + body.map((cells) => line(cells, widths, colours)).join('');
}

function header<T>(columns: readonly Column<T>[], widths: readonly number[]): string {
  return line(
    columns.map(({ title }) => ({ text: title })),
    widths,
    false,
  );
}

/** The same for rows that come one by one: columns keep their least width. */
export function runningTable<T>(columns: readonly Column<T>[], colours: boolean): { header: string; row: (row: T) => string } {
  const widths = columns.map(({ title, width }) => Math.max(title.length, width ?? 0));
  return { header: header(columns, widths), row: (row) => line(cellsOf(columns, row), widths, colours) };
}
