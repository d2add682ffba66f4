import type { Context } from './context.ts';
import { escapeBeyondJson, needsQuotes } from './escape.ts';
import { write } from './io.ts';
import type { Style } from './table.ts';

/** JSON text that is safe to show; `lines` = on one line. */
export function jsonText(data: unknown, lines = false): string {
  return `${escapeBeyondJson(JSON.stringify(data, undefined, lines ? undefined : 2))}\n`;
}

export async function yamlText(data: unknown): Promise<string> {
  const { Document, Scalar, visit } = await import('yaml');
  // What JSON leaves out (undefined) must not come back here as null.
  const document = new Document(JSON.parse(JSON.stringify(data)));
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && needsQuotes(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return escapeBeyondJson(document.toString({ lineWidth: 0 }));
}

/** Prints one answer in the format that was asked for. */
export async function print(context: Context, data: unknown, asTable: () => string): Promise<void> {
  const { io, options } = context;
  switch (options.output) {
    case 'json':
      return write(io.stdout, jsonText(data));
    case 'yaml':
      return write(io.stdout, await yamlText(data));
    case 'table':
    case 'wide':
      return write(io.stdout, asTable());
  }
}

/** One entry of a stream: a line of JSON, a document of YAML, or a row. */
export async function printEntry(context: Context, data: unknown, asRow: () => string): Promise<void> {
  const { io, options } = context;
  switch (options.output) {
    case 'json':
      return write(io.stdout, jsonText(data, true));
    case 'yaml':
      return write(io.stdout, `---\n${await yamlText(data)}`);
    case 'table':
    case 'wide':
      return write(io.stdout, asRow());
  }
}

const usualWidth = 80;

/**
 * Paints only on a terminal, and not where NO_COLOR is set (no-color.org). Fits to the columns of the terminal, or to $COLUMNS where there
 * is none; with `-o wide`, and for a program that reads along, nothing is cut.
 */
export async function styleOf({ io, options }: Context): Promise<Style> {
  const env = await io.env();
  const said = Number(env['COLUMNS']);
  const given = Number.isInteger(said) && said > 0 ? said : undefined;
  const width = io.terminal ? (io.columns ?? given ?? usualWidth) : (given ?? Number.POSITIVE_INFINITY);
  return {
    colours: io.terminal && (env['NO_COLOR'] ?? '') === '',
    width: options.output === 'wide' ? Number.POSITIVE_INFINITY : width,
    wide: options.output === 'wide',
    terminal: io.terminal,
  };
}
