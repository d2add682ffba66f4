import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { guardDepth } from './nesting.ts';
import { type Problems, refuse, short, syntax } from './problems.ts';
import type { Tree } from './tree.ts';
import { treeReader } from './tree-reader.ts';

const MAX_LENGTH = 512 * 1024;
/** What YAML's `c-printable` leaves out of ASCII; the library takes it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/** Reads one YAML file: what can be read of it where some keys are bad, undefined where it is no YAML at all. */
export function readDocument(text: string, file: string, problems: Problems): Tree | undefined {
  return problems.attempt(() => {
    const lines = new LineCounter();
    const { contents } = parseText(text, file, lines);
    if (contents === null || (isScalar(contents) && contents.value === null)) return { file, line: 0, entries: new Map() };
    if (!isMap(contents)) throw refuse({ file, line: 1 }, '', syntax('the document is not a mapping of keys; see docs/configuration.md'));
    return treeReader({ file, lines, problems })(contents);
  });
}

/**
 * The nodes of a YAML text, or the refusal of one that is none, or too large or too deep to be read at leisure. Its aliases are not
 * followed yet, and a key may stand twice in it. @throws RefusedError with `file` and the line
 */
export function parseText(text: string, file: string, lines = new LineCounter()): Document.Parsed {
  if (text.length > MAX_LENGTH) throw refuse({ file, line: 0 }, '', syntax('larger than 512 KiB; this is no configuration'));
  refuseControls(text, file);
  guardDepth(text, (line, what) => refuse({ file, line }, '', syntax(what)));
  // Keys given twice are found by whoever reads the nodes, where their path is known.
  const document = withoutStacks(() => parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false }));
  const error = document.errors[0] ?? document.warnings[0];
  if (error === undefined) return document;
  const { line } = lines.linePos(error.pos[0]);
  throw refuse({ file, line }, '', syntax(`not valid YAML: ${short(error.message)}; correct it`));
}

/** The library makes an error of each sign that is out of place, tens of thousands, and their stacks are most of the cost. */
function withoutStacks<T>(run: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return run();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function refuseControls(text: string, file: string): void {
  const at = text.search(control);
  if (at < 0) return;
  const line = text.slice(0, at).split('\n').length;
  const code = text.charCodeAt(at).toString(16).padStart(2, '0');
  throw refuse({ file, line }, '', syntax(`a control character (0x${code}) is not allowed in YAML; remove it`));
}
