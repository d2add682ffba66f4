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

/** 0 means 100; more than 1000 is cut to 1000. */
export function pageSize(asked: number): number {
  return asked === 0 ? defaultSize : Math.min(asked, maxSize);
}

/**
 * As many of the messages, from the first on, as one page holds: at least one, beyond that no more than 1 MiB of their wire form. The list goes on after
 * the last one that is answered.
 */
export function withinPage<M extends object>(schema: DescMessage, messages: readonly M[]): M[] {
  let bytes = 0;
  const end = messages.findIndex((message, i) => {
    bytes += encodeMessage(schema, message).length + fieldOverhead;
    return i > 0 && bytes > messageBytes;
  });
  return messages.slice(0, end < 0 ? messages.length : end);
}

/** What a token is bound to: the list's name and the bytes of filter and order. */
export function pageBinding(list: string, ...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256').update(list);
  for (const part of parts) hash.update('\0').update(part);
  return hash.digest('base64url').slice(0, 12);
}

/** Empty for no further page. */
export function pageToken(binding: string, cursor: string | number | undefined): string {
  return cursor === undefined ? '' : Buffer.from(JSON.stringify([binding, cursor])).toString('base64url');
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

/** The cursor in a token; undefined for the empty one. Throws INVALID_REQUEST for a token that was not given out for this list. */
export function readPageToken<T extends 'string' | 'number'>(
  token: string,
  binding: string,
  kind: T,
): (T extends 'string' ? string : number) | undefined {
  if (token === '') return undefined;
  const value = parse(token);
  if (!Array.isArray(value) || value.length !== 2 || typeof value[1] !== kind) refuse('is no next_page_token of this list');
  if (kind === 'number' && !Number.isSafeInteger(value[1])) refuse('is no next_page_token of this list');
  if (value[0] !== binding) refuse('belongs to a list with another filter or order');
  return value[1] as T extends 'string' ? string : number;
}
