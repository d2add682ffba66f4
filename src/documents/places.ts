import type { Json } from '../events/types.ts';
import { type Redactor, standardRedactor } from '../kernel/redaction.ts';
import type { Keys } from './paths.ts';

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
  /**
   * Keys of one place each; or dotted, as people write them: `servers[0].password`, `servers[].password`, `servers.*.password` and
   * `servers.password` (every item) are all understood.
   */
  readonly paths?: readonly (string | Keys)[];
  /** Knows secrets by their names. Default: the names that are masked everywhere. */
  readonly redactor?: Redactor;
}

/** What is left of the secret paths from one of their steps on, as a tree: there may be as many as a config has secrets. */
interface Branch {
  /** Whether a path ends here. */
  isEnd: boolean;
  readonly next: Map<string, Branch>;
  /** Itself without the steps that name an item: what is meant of every item of a list. Made when it is asked for. */
  ofItems?: Branch | undefined;
}

interface Known {
  readonly declared: DeclaredPlace;
  readonly branches: readonly Branch[];
  /** Its own name; undefined for the document itself and for an item of a list. */
  readonly name: string | undefined;
  /** Whether it stands in something that is a secret as a whole. */
  readonly isWithin: boolean;
  readonly redactor: Redactor;
}

const nothing: DeclaredPlace = { secret: false, child: () => nothing };

/** The root of a document. It is never a secret itself, whatever is declared of it. */
export function secretPlaces({ declared = nothing, paths = [], redactor = standardRedactor }: SecretRules): Place {
  const root: Branch = { isEnd: false, next: new Map() };
  for (const path of paths) grow(root, typeof path === 'string' ? segments(path) : path.map(String));
  root.isEnd = false;
  const document: DeclaredPlace = { secret: false, child: (key) => declared.child(key) };
  return placeOf({ declared: document, branches: [root], name: undefined, isWithin: false, redactor });
}

function placeOf(known: Known): Place {
  return {
    child: (key) => placeOf(childOf(known, key)),
    isSecret: (value) => isSecret(value, known),
    shown: (text) => known.redactor.urls(text),
  };
}

function segments(path: string): readonly string[] {
  return path
    .replaceAll(/\[(\*|\d*)\]/g, (_, index: string) => `.${index === '' ? '*' : index}`)
    .split('.')
    .filter((part) => part !== '');
}

function grow(root: Branch, path: readonly string[]): void {
  let at = root;
  for (const step of path) {
    const next = at.next.get(step) ?? { isEnd: false, next: new Map() };
    at.next.set(step, next);
    at = next;
  }
  at.isEnd = true;
}

function childOf(known: Known, key: string | number): Known {
  const { declared, redactor } = known;
  const name = typeof key === 'string' ? key : undefined;
  const branches = known.branches.flatMap((branch) => {
    const further = [branch.next.get(String(key)), branch.next.get('*'), typeof key === 'number' ? ofItems(branch) : undefined];
    return further.filter((one) => one !== undefined);
  });
  return { declared: declared.child(key), branches, name, isWithin: known.isWithin || isSecret({}, known), redactor };
}

/** A path that names no index means every item. */
function ofItems(branch: Branch): Branch | undefined {
  if (branch.next.size === 0) return undefined;
  branch.ofItems ??= { isEnd: false, next: new Map([...branch.next].filter(([step]) => step !== '*' && !/^\d+$/.test(step))) };
  return branch.ofItems;
}

function isSecret(value: Json, { declared, branches, name, isWithin, redactor }: Known): boolean {
  if (value === null || value === '') return false;
  if (isWithin || declared.secret || branches.some(({ isEnd }) => isEnd)) return true;
  return name !== undefined && redactor.isSecret(name, value);
}
