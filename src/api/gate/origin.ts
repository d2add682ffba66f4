import type { OutgoingHttpHeaders } from 'node:http';
import { AgentError } from '../../kernel/errors.ts';
import { header } from '../exchange.ts';
import type { HttpRequest } from '../seam.ts';

export interface Cors {
  readonly enabled: boolean;
  /** Exact origins: scheme, host, port. */
  readonly allowedOrigins: readonly string[];
}

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
  | { readonly ok: true; readonly headers: OutgoingHttpHeaders }
  | { readonly ok: false; readonly headers: OutgoingHttpHeaders; readonly error: AgentError };

/**
 * Whether a page of a browser may make this request. Programs send neither Origin nor Sec-Fetch-Site. Unlisted origins are
 * refused for GET too: Connect answers GET, and an answer that a page cannot read may still have done something.
 */
export function judgeOrigin(req: HttpRequest, cors: Cors, own: readonly string[]): OriginVerdict {
  const origin = header(req, 'origin');
  const vary: OutgoingHttpHeaders = cors.enabled && cors.allowedOrigins.length > 0 ? { vary: 'Origin' } : {};
  if (origin !== undefined && cors.enabled && cors.allowedOrigins.includes(origin)) {
    return { ok: true, headers: { vary: 'Origin', 'access-control-allow-origin': origin, 'access-control-expose-headers': exposed } };
  }
  // The agent's own page (its authority is allowed already) needs no permission.
  if (origin !== undefined && !own.includes(origin)) {
    const message = `a page of ${JSON.stringify(origin.slice(0, 200))} may not call the agent: list the origin in api.security.cors.allowed_origins`;
    return { ok: false, headers: vary, error: new AgentError('ORIGIN_NOT_ALLOWED', message) };
  }
  if (origin === undefined && header(req, 'sec-fetch-site') === 'cross-site') {
    const message = 'a page of another site may not call the agent';
    return { ok: false, headers: vary, error: new AgentError('CROSS_SITE_REQUEST', message) };
  }
  return { ok: true, headers: vary };
}

/** Answer to an allowed origin that asks what it may send. */
export function preflightHeaders(): OutgoingHttpHeaders {
  return {
    'access-control-allow-methods': 'GET, HEAD, POST, PUT, DELETE',
    'access-control-allow-headers': requestHeaders,
    'access-control-max-age': '7200',
    'content-length': '0',
  };
}
