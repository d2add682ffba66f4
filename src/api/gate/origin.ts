import { AgentError } from '../../kernel/errors.ts';
import type { Settings } from '../../settings/types.ts';
import { type Exchange, header } from '../transports/exchange.ts';

/** Exact origins: scheme, host, port. */
type Cors = Settings['api']['security']['cors'];

const exposed =
  'x-trace-id, retry-after, location, etag, grpc-status, grpc-message, grpc-status-details-bin, connect-content-encoding, www-authenticate';
const requestHeaders = [
  'authorization',
  'content-type',
  'accept',
  'last-event-id',
  'if-match',
  'traceparent',
  'tracestate',
  'connect-protocol-version',
  'connect-timeout-ms',
  'connect-accept-encoding',
  'connect-content-encoding',
  'grpc-timeout',
  'grpc-accept-encoding',
  'grpc-encoding',
  'x-grpc-web',
  'x-user-agent',
].join(', ');

export type OriginVerdict =
  | { readonly ok: true; readonly headers: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly headers: Readonly<Record<string, string>>; readonly error: AgentError };

const none: Record<string, string> = {};
const allowed: OriginVerdict = { ok: true, headers: none };

/**
 * Whether a page of a browser may make this request. Programs send neither Origin nor Sec-Fetch-Site. Unlisted origins are
 * refused for GET too: Connect answers GET, and an answer that a page cannot read may still have done something.
 */
export function judgeOrigin(exchange: Exchange, cors: Cors, authorities: readonly string[]): OriginVerdict {
  const origin = header(exchange, 'origin');
  const vary: Record<string, string> = cors.enabled && cors.allowedOrigins.length > 0 ? { vary: 'Origin' } : none;
  if (origin !== undefined && cors.enabled && cors.allowedOrigins.includes(origin)) {
    return { ok: true, headers: { vary: 'Origin', 'access-control-allow-origin': origin, 'access-control-expose-headers': exposed } };
  }
  // The agent's own page (its authority is allowed already) needs no permission.
  if (origin !== undefined && !isOwn(origin, exchange, authorities)) {
    const message = `a page of ${JSON.stringify(origin.slice(0, 200))} may not call the agent: list the origin in api.security.cors.allowed_origins`;
    return { ok: false, headers: vary, error: new AgentError('ORIGIN_NOT_ALLOWED', message) };
  }
  if (origin === undefined && header(exchange, 'sec-fetch-site') === 'cross-site') {
    const message = 'a page of another site may not call the agent';
    return { ok: false, headers: vary, error: new AgentError('CROSS_SITE_REQUEST', message) };
  }
  return vary === none ? allowed : { ok: true, headers: vary };
}

/**
 * Whether somebody followed a link, typed an address or opened a file that leads here: the answer fills a window of its own, which no other
 * page reads. What is public may be reached so.
 */
export function isNavigation(exchange: Exchange): boolean {
  const { method } = exchange;
  const [origin, mode, dest] = ['origin', 'sec-fetch-mode', 'sec-fetch-dest'].map((name) => header(exchange, name));
  return (method === 'GET' || method === 'HEAD') && origin === undefined && mode === 'navigate' && dest === 'document';
}

function isOwn(origin: string, exchange: Exchange, authorities: readonly string[]): boolean {
  const scheme = exchange.encrypted ? 'https' : 'http';
  return authorities.some((name) => origin === `${scheme}://${name}`);
}

/** Answer to an allowed origin that asks what it may send. */
export function preflightHeaders(): Readonly<Record<string, string>> {
  return {
    'access-control-allow-methods': 'GET, HEAD, POST, PUT, DELETE',
    'access-control-allow-headers': requestHeaders,
    'access-control-max-age': '7200',
  };
}
