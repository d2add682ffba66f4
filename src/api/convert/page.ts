/** Pages of lists. A token is opaque and bound to what was listed: filter and order must not change from page to page. */
import { createHash } from 'node:crypto';
import type { DescMessage } from '@bufbuild/protobuf';
import { invalid } from '../../kernel/errors.ts';
import { messageBytes } from '../../kernel/wire-size.ts';
import { encodeMessage } from '../codec/binary.ts';

const defaultSize = 100;
const maxSize = 1000;
/** Tag and length of an item of a list. */
const fieldOverhead = 6;

/** What a token is bound to: the list's name, and what else the caller said: its filter (in bytes), its order. */
interface Listed<K extends 'string' | 'number'> {
  readonly list: string;
  readonly said: readonly (string | Uint8Array)[];
  /** Of what type the cursor is. */
  readonly cursor: K;
}

interface Asked {
  readonly pageSize: number;
  readonly pageToken: string;
}

type Cursor<K> = K extends 'string' ? string : number;

/** The page that a request asks for. */
export interface Page<C> {
  /** Items at most: 100 unless said, and 1000 of more. */
  readonly size: number;
  /** Where the page begins, behind this one; undefined for the first. */
  readonly after: C | undefined;
  /** The token of the page behind `cursor`; empty for no further page. */
  token(cursor: C | undefined): string;
  /**
   * As many of the items, from the first on, as one page holds: at least one, beyond that no more than 1 MiB of their wire form. `total`: how many there
   * are in all, where `items` ends before.
   */
  cut<V extends object>(
    items: readonly V[],
    of: { readonly schema: DescMessage; readonly cursorOf: (item: V) => C; readonly total?: number },
  ): { readonly page: readonly V[]; readonly nextPageToken: string };
}

/** Throws INVALID_REQUEST for a token that was not given out for this list. */
export function askedPage<K extends 'string' | 'number'>(request: Asked, { list, said, cursor }: Listed<K>): Page<Cursor<K>> {
  const size = request.pageSize === 0 ? defaultSize : Math.min(request.pageSize, maxSize);
  const hash = createHash('sha256').update(list);
  for (const part of said) hash.update('\0').update(part);
  const binding = hash.digest('base64url').slice(0, 12);
  const token = (at: Cursor<K> | undefined): string =>
    at === undefined ? '' : Buffer.from(JSON.stringify([binding, at])).toString('base64url');
  return {
    size,
    after: readToken(request.pageToken, binding, cursor) as Cursor<K> | undefined,
    token,
    cut(items, { schema, cursorOf, total = items.length }) {
      const page = withinMessage(schema, items.slice(0, size));
      const last = page.at(-1);
      return { page, nextPageToken: token(last !== undefined && page.length < total ? cursorOf(last) : undefined) };
    },
  };
}

function withinMessage<V extends object>(schema: DescMessage, items: readonly V[]): readonly V[] {
  let bytes = 0;
  const end = items.findIndex((item, i) => {
    bytes += encodeMessage(schema, item).length + fieldOverhead;
    return i > 0 && bytes > messageBytes;
  });
  return end < 0 ? items : items.slice(0, end);
}

function parse(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    return undefined;
  }
}

function refuse(message: string): never {
  throw invalid([{ field: 'page_token', message, rule: 'page_token' }]);
}

function readToken(token: string, binding: string, kind: 'string' | 'number'): unknown {
  if (token === '') return undefined;
  const value = parse(token);
  const cursor: unknown = Array.isArray(value) && value.length === 2 ? value[1] : undefined;
  if (typeof cursor !== kind || (kind === 'number' && !Number.isSafeInteger(cursor))) refuse('is no next_page_token of this list');
  if ((value as unknown[])[0] !== binding) refuse('belongs to a list with another filter or order');
  return cursor;
}
