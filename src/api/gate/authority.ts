import { header, isHttp2 } from '../exchange.ts';
import type { HttpRequest } from '../seam.ts';

/** Names by which a client on this machine calls; anything else must be listed (DNS rebinding). */
const localNames = ['localhost', '127.0.0.1', '[::1]'];

/** Host name and optional port; no userinfo, no spaces, nothing that a URL parser could read in another way. */
const form = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/;

/** Whether a Host or :authority names this agent. */
export function authorityAllowed(authority: string | undefined, allowedHosts: readonly string[]): boolean {
  const name = form.exec((authority ?? '').toLowerCase())?.[1];
  if (name === undefined) return false;
  return localNames.includes(name) || allowedHosts.some((host) => host.toLowerCase() === name);
}

export interface Target {
  /** What must all be allowed: of several names none may be smuggled past. Empty when there is none. */
  readonly authorities: readonly string[];
  /** Origin form, still percent-encoded, with the query. */
  readonly url: string;
  readonly path: string;
}

/** Reads authority and path of a request in any of the forms that HTTP allows. */
export function targetOf(req: HttpRequest): Target {
  const raw = req.url ?? '';
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(raw);
  const url = absolute === null ? raw : `${absolute[2]?.startsWith('/') ? '' : '/'}${absolute[2] ?? ''}`;
  const authorities = absolute?.[1] === undefined ? authoritiesOf(req) : [absolute[1], ...authoritiesOf(req)];
  const cut = url.indexOf('?');
  return { authorities, url, path: cut < 0 ? url : url.slice(0, cut) };
}

function authoritiesOf(req: HttpRequest): string[] {
  if (isHttp2(req)) return [header(req, ':authority'), header(req, 'host')].filter((value) => value !== undefined);
  // Node keeps the first of several Host headers: look at what was really sent.
  return req.rawHeaders.filter((_, i) => i % 2 === 1 && req.rawHeaders[i - 1]?.toLowerCase() === 'host');
}
