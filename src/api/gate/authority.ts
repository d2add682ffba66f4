import type { Exchange } from '../transports/exchange.ts';

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
  /** Still percent-encoded, without the query. */
  readonly path: string;
}

/** Reads authority and path of a request in any of the forms that HTTP allows. */
export function targetOf({ target, authorities }: Exchange): Target {
  const absolute = target.startsWith('/') ? null : /^https?:\/\/([^/?#]*)(.*)$/i.exec(target);
  const [, authority, rest = ''] = absolute ?? [];
  const url = absolute === null ? target : `${rest.startsWith('/') ? '' : '/'}${rest}`;
  const cut = url.indexOf('?');
  return {
    authorities: authority === undefined ? authorities : [authority, ...authorities],
    path: cut < 0 ? url : url.slice(0, cut),
  };
}
