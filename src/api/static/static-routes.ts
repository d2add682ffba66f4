/**
 * Files that are served as they are: pages for a browser, and documents. One route a file, found when the agent starts, so that no path of
 * a request ever reaches the file system. A file is read when it is asked for, so that it costs no memory; browsers keep it and ask by its
 * etag.
 */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Scope } from '../../kernel/principal.ts';
import type { PlainRoute } from '../seam.ts';
import { type Exchange, header } from '../transports/exchange.ts';
import { preferences } from '../transports/weights.ts';

export interface StaticFiles {
  /** Where the files stand, without a slash at the end: `/docs`; the empty text is the root. `index.html` is served under the prefix itself. */
  readonly prefix: string;
  /** Files directly in it are served, and those of its directories. */
  readonly directory: string;
  /** What a caller needs; undefined: the files are public. */
  readonly scope: Scope | undefined;
}

/** One file under one path. */
export interface StaticFile {
  readonly path: string;
  readonly file: string;
  readonly scope: Scope | undefined;
}

/** What a page may do: load from this agent, call this agent, and nothing else. No inline script, no eval, no frame. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const mediaTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};
/** Those that grow smaller when they are compressed, from so many bytes on. */
const compressed = new Set(['.css', '.html', '.js', '.json', '.svg', '.txt']);
const compressedFrom = 1024;
/** A file that is larger is not one of ours. */
const maxBytes = 8 * 1024 * 1024;

const compress = promisify(gzip);

/** Routes of every file of a known type below the directory. Throws where there is no such directory. */
export function staticRoutes({ prefix, directory, scope }: StaticFiles): readonly PlainRoute[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => extname(name) in mediaTypes);
  return names.flatMap((name) => {
    const paths = name === 'index.html' ? [...new Set([prefix, `${prefix}/`])].filter((path) => path !== '') : [`${prefix}/${name}`];
    return paths.map((path) => fileRoute({ path, file: join(directory, name), scope }));
  });
}

/** The route of one file. */
export function fileRoute({ path, file, scope }: StaticFile): PlainRoute {
  const type = extname(file);
  const headers = {
    'content-type': mediaTypes[type] ?? 'application/octet-stream',
    'cache-control': scope === undefined ? 'no-cache' : 'private, no-cache',
    'content-security-policy': pagePolicy,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  };
  const etagOf = etags();
  return {
    path,
    scope,
    rateLimited: true,
    async serve(exchange) {
      const { bytes, version } = await readFile(file);
      const etag = etagOf(bytes, version);
      const vary = [exchange.common['vary'], 'accept-encoding'].filter((name) => name !== undefined).join(', ');
      const said = { ...headers, etag, vary };
      if (isKnown(exchange, etag)) exchange.answer(304, withoutType(said));
      else if (!compressed.has(type) || bytes.length < compressedFrom || !takesGzip(exchange)) exchange.answer(200, said, bytes);
      else exchange.answer(200, { ...said, 'content-encoding': 'gzip' }, await compress(bytes));
    },
  };
}

function withoutType({ 'content-type': _, ...rest }: Record<string, string>): Record<string, string> {
  return rest;
}

/** The file's bytes, and what changes when they do. */
async function readFile(file: string): Promise<{ readonly bytes: Buffer; readonly version: string }> {
  await using handle = await open(file, 'r');
  const { size, mtimeMs, ino } = await handle.stat();
  if (size > maxBytes) throw new Error(`${file} has ${size} bytes, more than the ${maxBytes} that are served`);
  return { bytes: await handle.readFile(), version: `${ino}-${size}-${mtimeMs}` };
}

/** Weak, since the compressed form has the same. Of the bytes and not of a time: packages give all their files one time. */
function etags(): (bytes: Buffer, version: string) => string {
  let known = { version: '', etag: '' };
  return (bytes, version) => {
    if (known.version !== version) {
      known = { version, etag: `W/"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"` };
    }
    return known.etag;
  };
}

function isKnown(exchange: Exchange, etag: string): boolean {
  const asked = header(exchange, 'if-none-match') ?? '';
  return asked.trim() === '*' || asked.split(',').some((one) => one.trim().replace(/^W\//, '') === etag.slice(2));
}

/** Whether gzip is taken: named, or by `*`, and not with the weight 0. */
function takesGzip(exchange: Pick<Exchange, 'headers'>): boolean {
  const weights = new Map(preferences(header(exchange, 'accept-encoding')).map(({ name, weight }) => [name, weight]));
  return (weights.get('gzip') ?? weights.get('*') ?? 0) > 0;
}
