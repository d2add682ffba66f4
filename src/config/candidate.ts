import { basename } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { LineCounter, parseDocument } from 'yaml';
import type { Json, JsonObject } from '../events/types.ts';
import { invalid, RefusedError } from '../kernel/errors.ts';
import { guardDepth, keyTable, type LoadedSettings } from '../settings/index.ts';
import type { Edit } from './edit-splices.ts';
import { editYaml } from './edit-yaml.ts';
import { asNamedIn, canonical, dotted, type Leaf, type Leaves, leafKey, leavesOf } from './leaves.ts';
import { hasMask, masked, unmasked } from './masks.ts';
import { isAbove } from './sources.ts';
import { type Texts, unmaskedText } from './texts.ts';
import type { Candidate } from './types.ts';
import { parseYaml, plainValue } from './yaml-values.ts';

/** What a candidate is made from: the configuration in force. */
export interface Base {
  readonly loaded: LoadedSettings;
  readonly texts: Texts;
}

/** What `file` of a problem says where the request brought the text. */
export const documentName = 'document';
const maxBytes = 1024 * 1024;

function refused(line: number, message: string): RefusedError {
  const problem = { path: '', file: documentName, line, rule: 'syntax', message };
  return new RefusedError(`${documentName}:${line}: ${message}`, { problems: [problem] });
}

/** Throws RefusedError for a text that is no YAML, or too large or too deep to be judged at leisure. */
export function guardText(text: string): void {
  if (Buffer.byteLength(text) > maxBytes) throw refused(1, 'larger than 1 MiB; this is no configuration');
  guardDepth(text, (line) => refused(line, 'nested too deeply; flatten it'));
  const lineCounter = new LineCounter();
  const { errors, warnings } = parseDocument(text, { lineCounter, prettyErrors: false });
  const error = errors[0] ?? warnings[0];
  if (error !== undefined)
    throw refused(lineCounter.linePos(error.pos[0]).line, `not valid YAML: ${error.message.slice(0, 100)}; correct it`);
}

/** The document that a candidate says, texts read by the rules of YAML. */
export function documentOf(candidate: Candidate): JsonObject {
  if ('document' in candidate) return candidate.document;
  guardText(candidate.yaml);
  return plainValue(parseYaml(candidate.yaml));
}

/**
 * The files as they would be. `judge` loads texts: it says what of an edit is a change of notation alone, which is not made.
 * Throws RefusedError, or INVALID_REQUEST for a mask that names no key.
 */
export function candidateTexts(
  candidate: Candidate,
  mask: readonly string[],
  { base, judge }: { readonly base: Base; readonly judge: (texts: Texts) => LoadedSettings },
): Texts {
  const [only] = base.texts;
  if ('yaml' in candidate && mask.length === 0) {
    guardText(candidate.yaml);
    if (base.texts.size === 1 && only !== undefined) return new Map([[only[0], unmaskedText(candidate.yaml, only[1])]]);
  }
  checkMask(mask);
  return distribute(documentOf(candidate), mask, { base, judge });
}

function checkMask(mask: readonly string[]): void {
  const within = (a: string, b: string): boolean => a === b || a.startsWith(`${b}.`);
  const known = (key: string): boolean => {
    const path = dotted(canonical(key.split('.')));
    return keyTable.some((row) => within(row.path, path) || within(path, row.path));
  };
  const unknown = mask.filter((key) => !known(key));
  if (unknown.length === 0) return;
  throw invalid(
    unknown.slice(0, 100).map((key) => ({ field: 'update_mask', message: `${key.slice(0, 100)} is no key`, rule: 'unknown_key' })),
  );
}

function isMasked(path: readonly string[], mask: readonly string[]): boolean {
  const name = dotted(path);
  return (
    mask.length === 0 || mask.some((key) => [key, dotted(canonical(key.split('.')))].some((k) => name === k || name.startsWith(`${k}.`)))
  );
}

interface File {
  readonly path: string;
  readonly text: string;
  readonly document: JsonObject;
  readonly leaves: Leaves;
}

/** Edits leaf by leaf the files in which they stand, or belong. */
function distribute(
  document: JsonObject,
  mask: readonly string[],
  { base, judge }: { readonly base: Base; readonly judge: (texts: Texts) => LoadedSettings },
): Texts {
  const files = [...base.texts].map(([path, text]): File => {
    const own = plainValue(parseYaml(text));
    return { path, text, document: own, leaves: leavesOf(own) };
  });
  const wanted = new Map([...leavesOf(document)].filter(([, { path }]) => isMasked(path, mask)));
  const effective = leavesOf(base.loaded.document as JsonObject);
  const gone = files.flatMap((file) =>
    [...file.leaves]
      .filter(([key, { path }]) => !wanted.has(key) && isMasked(path, mask))
      .map(([, { actual }]) => ({ file, path: actual, value: undefined })),
  );
  const given = [...wanted.values()].flatMap((leaf) => placed(leaf, { files, effective }));
  const apply = (edits: readonly Placed[]): Texts =>
    new Map(
      files.map((file) => [
        file.path,
        editYaml(
          file.text,
          edits.filter((edit) => edit.file === file),
        ),
      ]),
    );
  const all = apply([...gone, ...given]);
  if (given.length === 0) return all;
  const after = judge(all);
  const told = leavesOf(after.document as JsonObject);
  const real = given.filter(({ path }) => {
    const key = leafKey(canonical(path));
    const [before, now] = [effective.get(key)?.value, told.get(key)?.value];
    return (
      before === undefined ||
      now === undefined ||
      hasMask(now) ||
      isAbove(after, dotted(canonical(path))) ||
      !isDeepStrictEqual(before, now)
    );
  });
  return real.length === given.length ? all : apply([...gone, ...real]);
}

interface Placed extends Edit {
  readonly file: File;
}

/** Nothing for a leaf that says what is there. */
function placed({ path, value }: Leaf, { files, effective }: { files: readonly File[]; effective: Leaves }): readonly Placed[] {
  const key = leafKey(path);
  const name = dotted(path);
  const holder = files.find(({ leaves }) => leaves.has(key));
  const raw = holder?.leaves.get(key);
  const inForce = effective.get(key)?.value;
  if (inForce !== undefined && isDeepStrictEqual(value, inForce)) return [];
  if (raw !== undefined && (isDeepStrictEqual(value, raw.value) || isDeepStrictEqual(value, masked(name, raw.value)))) return [];
  if (value === '***') return [];
  const real: Json = hasMask(value) ? unmasked(name, value, raw?.value ?? null) : value;
  const file = holder ?? fileFor(path, files);
  return file === undefined ? [] : [{ file, path: raw?.actual ?? asNamedIn(file.document, path), value: real }];
}

/** Where its top-level key stands; else the file of that name; else the first. */
function fileFor([top = '']: readonly string[], files: readonly File[]): File | undefined {
  const holder = files.find(({ document }) => Object.hasOwn(document, top));
  return holder ?? files.find(({ path }) => basename(path).replace(/\.ya?ml$/, '') === top) ?? files[0];
}
