import { basename } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  countValues,
  documentName,
  dotted,
  type Edit,
  editYaml,
  hasMask,
  mapObject,
  maskValue,
  parseYaml,
  plainValue,
  restoreMasked,
  type Texts,
} from '../documents/index.ts';
import type { Json, JsonObject } from '../events/types.ts';
import { invalid, RefusedError } from '../kernel/errors.ts';
import { isExactNumber } from '../kernel/exact-number.ts';
import { isObject } from '../kernel/is-object.ts';
import { mask as secretMask } from '../kernel/redaction.ts';
import { keyTable, keyTypeAt, parseText } from '../settings/index.ts';
import { judgeBlanks } from './blanks.ts';
import { asNamedIn, canonical, type Leaf, type Leaves, leafKey, leavesOf } from './leaves.ts';
import type { Load, State } from './room.ts';
import { keyPlace } from './shown.ts';
import { isAbove } from './sources.ts';
import type { Candidate } from './types.ts';

/** A document of more values is no configuration, and takes long to judge. */
const mostValues = 20_000;

/** The document that a candidate says, texts read by the rules of YAML. Throws RefusedError. */
function documentOf(candidate: Candidate): JsonObject {
  if ('yaml' in candidate) return asTyped(plainValue(parseText(candidate.yaml, documentName)));
  if (countValues(candidate.document, mostValues) <= mostValues) return candidate.document;
  const message = `more than ${mostValues} values; shorten it`;
  throw new RefusedError(`${documentName}: ${message}`, { problems: [{ path: '', file: documentName, line: 0, rule: 'syntax', message }] });
}

/**
 * What a text writes as a number is one where the key's type is, and a text where that is: `name: 1.10` means the text. A number that would be
 * rounded stays the text that it is, and is refused where a number belongs.
 */
function asTyped(document: JsonObject): JsonObject {
  const typed = (value: Json, path: readonly string[]): Json => {
    if (isObject(value)) return mapObject(value, (name, inner) => typed(inner, [...path, name]));
    const kind = keyTypeAt(canonical(path))?.kind;
    if (kind === undefined) return value;
    if (textKinds.has(kind)) return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
    return numberKinds.has(kind) && typeof value === 'string' && /^[-+]?\d[\d.]*$/.test(value) && isExactNumber(value)
      ? Number(value)
      : value;
  };
  return mapObject(document, (name, value) => typed(value, [name]));
}

const textKinds: ReadonlySet<string> = new Set(['string', 'secret', 'path', 'texts']);
const numberKinds: ReadonlySet<string> = new Set(['integer', 'number', 'threshold']);

/**
 * The files as they would be. `judge` loads texts: it says what of an edit is a change of notation alone, which is not made.
 * Throws RefusedError, or INVALID_REQUEST for a mask that names no key.
 */
export function candidateTexts(
  candidate: Candidate,
  mask: readonly string[],
  { base, judge }: { readonly base: State; readonly judge: Load },
): Texts {
  checkMask(mask);
  const document = documentOf(candidate);
  judgeBlanks(document, (path) => isMasked(path, mask), { load: judge, paths: [...base.texts.keys()] });
  return distribute(document, mask, { base, judge });
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
function distribute(document: JsonObject, mask: readonly string[], { base, judge }: { readonly base: State; readonly judge: Load }): Texts {
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
  const proposed = leavesOf(after.document as JsonObject);
  const real = given.filter(({ path }) => {
    const key = leafKey(canonical(path));
    const [before, now] = [effective.get(key)?.value, proposed.get(key)?.value];
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
  const place = keyPlace(path);
  const holder = files.find(({ leaves }) => leaves.has(key));
  const raw = holder?.leaves.get(key);
  const effectiveValue = effective.get(key)?.value;
  if (effectiveValue !== undefined && isDeepStrictEqual(value, effectiveValue)) return [];
  if (raw !== undefined && (isDeepStrictEqual(value, raw.value) || isDeepStrictEqual(value, maskValue(raw.value, place)))) return [];
  if (value === secretMask) return [];
  const real: Json = hasMask(value) ? restoreMasked(value, raw?.value, { place }).value : value;
  const file = holder ?? fileFor(path, files);
  return file === undefined ? [] : [{ file, path: raw?.actual ?? asNamedIn(file.document, path), value: real }];
}

/** Where its top-level key stands; else the file of that name; else the first. */
function fileFor([top = '']: readonly string[], files: readonly File[]): File | undefined {
  const holder = files.find(({ document }) => Object.hasOwn(document, top));
  return holder ?? files.find(({ path }) => basename(path).replace(/\.ya?ml$/, '') === top) ?? files[0];
}
