import type { Template } from './template.ts';

/** Values by path template: literals go before wildcards, a verb before none. */
export interface Tree<T> {
  /** The value at the place of a template, made where there is none. Templates that match the same paths have one place. */
  at(template: Template, make: () => T): T;
  /** The value whose template matches, and the path's segments, still percent-encoded and without the verb. */
  find(path: string): { readonly value: T; readonly parts: readonly string[] } | undefined;
}

interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  one: Node<T> | undefined;
  /** Values of templates that end here, and of those that take all that follows, by verb (empty for none). */
  readonly ends: Map<string, T>;
  readonly rests: Map<string, T>;
}

function newNode<T>(): Node<T> {
  return { literals: new Map(), one: undefined, ends: new Map(), rests: new Map() };
}

function nodeOf<T>(root: Node<T>, { segments }: Template): Node<T> {
  let node = root;
  for (const segment of segments) {
    if (segment.kind === 'rest') break;
    let next = segment.kind === 'one' ? node.one : node.literals.get(segment.text);
    if (next === undefined) {
      next = newNode();
      if (segment.kind === 'one') node.one = next;
      else node.literals.set(segment.text, next);
    }
    node = next;
  }
  return node;
}

function search<T>(node: Node<T>, parts: readonly string[], index: number, verb: string): T | undefined {
  const part = parts[index];
  if (part === undefined) return node.ends.get(verb);
  const literal = node.literals.get(part);
  return (
    (literal && search(literal, parts, index + 1, verb)) ?? (node.one && search(node.one, parts, index + 1, verb)) ?? node.rests.get(verb)
  );
}

export function createTree<T>(): Tree<T> {
  const root = newNode<T>();
  /** Templates without wildcards and captures are their own paths. */
  const literal = new Map<string, { readonly value: T; readonly parts: readonly string[] }>();
  return {
    at(template, make) {
      const node = nodeOf(root, template);
      const places = template.segments.at(-1)?.kind === 'rest' ? node.rests : node.ends;
      const verb = template.verb ?? '';
      const value = places.get(verb) ?? make();
      places.set(verb, value);
      const { text, segments, captures } = template;
      if (captures.length === 0 && segments.every(({ kind }) => kind === 'literal')) literal.set(text, { value, parts: [] });
      return value;
    },
    find(path) {
      const known = literal.get(path);
      if (known !== undefined) return known;
      const parts = path.slice(1).split('/');
      if (!path.startsWith('/') || parts.includes('')) return undefined;
      const last = parts.at(-1) ?? '';
      const colon = last.lastIndexOf(':');
      if (colon > 0) {
        const cut = [...parts.slice(0, -1), last.slice(0, colon)];
        const value = search(root, cut, 0, last.slice(colon + 1));
        if (value !== undefined) return { value, parts: cut };
      }
      const value = search(root, parts, 0, '');
      return value === undefined ? undefined : { value, parts };
    },
  };
}
