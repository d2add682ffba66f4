import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { guardDepth, MAX_DEPTH } from './nesting.ts';
import { type Problems, refuse, short, syntax } from './problems.ts';
import type { Tree } from './tree.ts';
import { treeReader } from './tree-reader.ts';

const MAX_BYTES = 1024 * 1024;

/** Reads one YAML file: what can be read of it where some keys are bad, undefined where it is no YAML at all. */
export function readDocument(text: string, file: string, problems: Problems): Tree | undefined {
  return problems.attempt(() => {
    if (text.length > MAX_BYTES) throw refuse({ file, line: 0 }, '', syntax('larger than 1 MiB; this is no configuration'));
    guardDepth(text, (line) => refuse({ file, line }, '', syntax(`nested more than ${MAX_DEPTH} levels deep; flatten it`)));
    const lines = new LineCounter();
    // Keys given twice are found below, where their path is known.
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
    const error = document.errors[0] ?? document.warnings[0];
    if (error !== undefined) {
      const { line } = lines.linePos(error.pos[0]);
      throw refuse({ file, line }, '', syntax(`not valid YAML: ${short(error.message)}; correct it`));
    }
    const { contents } = document;
    if (contents === null || (isScalar(contents) && contents.value === null)) return { file, line: 0, entries: new Map() };
    if (!isMap(contents)) throw refuse({ file, line: 1 }, '', syntax('the document is not a mapping of keys; see docs/configuration.md'));
    return treeReader({ file, lines, problems })(contents);
  });
}
