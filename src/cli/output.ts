import type { Context } from './context.ts';
import { escapeBeyondJson, needsQuotes } from './escape.ts';
import { write } from './io.ts';

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
      return write(io.stdout, asRow());
  }
}

/** Whether to paint: only on a terminal, and not where NO_COLOR is set (no-color.org). */
export async function colours({ io }: Context): Promise<boolean> {
  if (!io.terminal) return false;
  return ((await io.env())['NO_COLOR'] ?? '') === '';
}
