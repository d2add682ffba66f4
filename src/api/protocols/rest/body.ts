/** The body of a REST request: judged by media type and depth, parsed. */
import type { JsonValue } from '@bufbuild/protobuf';
import { AgentError } from '../../../kernel/errors.ts';
import { type Exchange, header, mediaTypeOf } from '../../transports/exchange.ts';
import { isTooDeep } from './depth.ts';

/** Throws MEDIA_TYPE_UNSUPPORTED unless the body says that it is plain text in UTF-8 of one of these types; the first stands for all. */
export function checkMediaType(exchange: Exchange, allowed: readonly string[] = ['application/json']): void {
  const type = header(exchange, 'content-type') ?? '';
  const encoding = header(exchange, 'content-encoding') ?? 'identity';
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(type)?.[1] ?? 'utf-8';
  if (!allowed.includes(mediaTypeOf(exchange)) || !/^utf-?8$/i.test(charset)) {
    throw new AgentError(
      'MEDIA_TYPE_UNSUPPORTED',
      `the body is ${type === '' ? 'of no stated type' : type.slice(0, 100)}, not ${allowed.slice(0, 2).join(' or ')}`,
    );
  }
  if (encoding.toLowerCase() !== 'identity') {
    throw new AgentError('MEDIA_TYPE_UNSUPPORTED', `the body is compressed (${encoding.slice(0, 100)}), which REST does not take`);
  }
}

/** Throws MALFORMED_BODY. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AgentError('MALFORMED_BODY', 'the body is not UTF-8', { cause });
  }
}

/** Throws JSON_TOO_DEEP or MALFORMED_BODY. */
export function parseJson(bytes: Uint8Array, maxDepth: number): JsonValue {
  if (isTooDeep(bytes, maxDepth)) {
    throw new AgentError('JSON_TOO_DEEP', `the body nests deeper than ${maxDepth} levels (api.limits.json_depth)`);
  }
  const text = decodeText(bytes);
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw new AgentError('MALFORMED_BODY', `the body is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
