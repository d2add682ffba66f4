import type { Json } from '../events/types.ts';
import { type Redactor, standardRedactor } from '../kernel/redaction.ts';

/** One place of a document, and whether what stands there is a secret: the one notion that masking, merging and searching share. */
export interface Place {
  /** Below a key, or at an index. */
  child(key: string | number): Place;
  /** Whether this value, standing here, is a secret as a whole. */
  isSecret(value: Json): boolean;
  /** A text that stands here and is no secret as a whole, as it may be shown: a URL without its userinfo. */
  shown(text: string): string;
  /** The same of a text in a list, where what is a secret may depend on the word before it. Default: `shown`. */
  shownWord?(word: string, before: string | undefined): string;
}

/** What a declaration says of one place. */
export interface DeclaredPlace {
  readonly secret: boolean;
  child(key: string | number): DeclaredPlace;
}

/** What is known of a kind of documents. */
export interface SecretRules {
  /** Places that something else declares, such as a JSON Schema. */
  readonly declared?: DeclaredPlace;
  /** Dotted paths: `servers[0].password`, `servers[].password`, `servers.*.password` and `servers.password` (every item) are all understood. */
  readonly paths?: readonly string[];
  /** Knows secrets by their names. Default: the names that are masked everywhere. */
  readonly redactor?: Redactor;
}

type Path = readonly string[];

interface Known {
  readonly declared: DeclaredPlace;
  /** What is left of the secret paths that lead here. */
  readonly paths: readonly Path[];
  /** Its own name; undefined for the document itself and for an item of a list. */
  readonly name: string | undefined;
  readonly redactor: Redactor;
}

const nothing: DeclaredPlace = { secret: false, child: () => nothing };

/** The root of a document. It is never a secret itself, whatever is declared of it. */
export function secretPlaces({ declared = nothing, paths = [], redactor = standardRedactor }: SecretRules): Place {
  const root = placeOf({
    declared,
    paths: paths.map(segments).filter((path) => path.length > 0),
    name: undefined,
    redactor,
  });
  return { ...root, isSecret: () => false };
}

function placeOf(known: Known): Place {
  return {
    child: (key) => placeOf(childOf(known, key)),
    isSecret: (value) => isSecret(value, known),
    shown: (text) => known.redactor.urls(text),
  };
}

function segments(path: string): Path {
  return path
    .replaceAll(/\[(\*|\d*)\]/g, (_, index: string) => `.${index === '' ? '*' : index}`)
    .split('.')
    .filter((part) => part !== '');
}

function childOf({ declared, paths, redactor }: Known, key: string | number): Known {
  const name = typeof key === 'string' ? key : undefined;
  if (paths.length === 0) return { declared: declared.child(key), paths, name, redactor };
  const step = String(key);
  const advanced = paths.flatMap((path) => {
    const [first = '', ...rest] = path;
    if (first === step || first === '*') return [rest];
    // A path that names no index means every item.
    return typeof key === 'number' && path.length > 0 && !/^\d+$/.test(first) ? [path] : [];
  });
  return { declared: declared.child(key), paths: advanced, name, redactor };
}

function isSecret(value: Json, { declared, paths, name, redactor }: Known): boolean {
  if (value === null || value === '') return false;
  if (declared.secret || paths.some((path) => path.length === 0)) return true;
  return name !== undefined && redactor.isSecret(name, value);
}
