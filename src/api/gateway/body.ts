/** The body of a REST request: read within bounds, judged by media type and depth, parsed. */
import type { JsonValue } from '@bufbuild/protobuf';
import { AgentError } from '../../kernel/errors.ts';
import { header } from '../exchange.ts';
import type { HttpRequest } from '../seam.ts';
import { isTooDeep } from './depth.ts';

export interface BodyLimits {
  readonly messageBytes: number;
  readonly jsonDepth: number;
}

function tooLarge(limit: number): AgentError {
  return new AgentError('MESSAGE_TOO_LARGE', `the body is larger than ${limit} bytes (api.limits.message_bytes)`, {
    metadata: { limit_bytes: String(limit) },
  });
}

/** Rejects with MESSAGE_TOO_LARGE, or CANCELED when the client left; reads no further then. */
export function readBody(req: HttpRequest, limit: number): Promise<Buffer> {
  if (Number(header(req, 'content-length') ?? 0) > limit) return Promise.reject(tooLarge(limit));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const done = (error?: AgentError): void => {
      req.off('data', data).off('end', end).off('error', gone).off('aborted', gone).off('close', gone);
      if (error === undefined) {
        resolve(Buffer.concat(chunks, size));
        return;
      }
      req.on('error', () => {});
      req.pause();
      reject(error);
    };
    const data = (chunk: Buffer): void => {
      size += chunk.byteLength;
      if (size > limit) done(tooLarge(limit));
      else chunks.push(chunk);
    };
    const end = (): void => done();
    const gone = (): void => done(new AgentError('CANCELED', 'the client left before its body was whole'));
    req.on('data', data).on('end', end).on('error', gone).on('aborted', gone).on('close', gone);
  });
}

/** The media type that the body claims to be of, in lower case, without parameters. */
export function mediaTypeOf(req: HttpRequest): string {
  const [media = ''] = (header(req, 'content-type') ?? '').split(';');
  return media.trim().toLowerCase();
}

/** Throws MEDIA_TYPE_UNSUPPORTED unless the body says that it is plain text in UTF-8 of one of these types; the first stands for all. */
export function checkMediaType(req: HttpRequest, allowed: readonly string[] = ['application/json']): void {
  const type = header(req, 'content-type') ?? '';
  const encoding = header(req, 'content-encoding') ?? 'identity';
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(type)?.[1] ?? 'utf-8';
  if (!allowed.includes(mediaTypeOf(req)) || !/^utf-?8$/i.test(charset)) {
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
export function parseBody(bytes: Uint8Array, limits: BodyLimits): JsonValue {
  if (isTooDeep(bytes, limits.jsonDepth)) {
    throw new AgentError('JSON_TOO_DEEP', `the body nests deeper than ${limits.jsonDepth} levels (api.limits.json_depth)`);
  }
  const text = decodeText(bytes);
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw new AgentError('MALFORMED_BODY', `the body is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
