import type { IncomingHttpHeaders } from 'node:http';
import type { Head } from './exchange.ts';

/** Headers of a request as the fetch API has them; the pseudo-headers of HTTP/2 are none there. */
export function webHeaders(headers: IncomingHttpHeaders): Headers {
  const web = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':')) continue;
    if (Array.isArray(value)) for (const one of value) web.append(name, one);
    else web.append(name, value);
  }
  return web;
}

/** The other way; names that come several times get a list. */
export function nodeHeaders(web: Headers | undefined): Head {
  const head: Record<string, string | string[]> = {};
  web?.forEach((value, name) => {
    const before = head[name];
    head[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  });
  return head;
}
