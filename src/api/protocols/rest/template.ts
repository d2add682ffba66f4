/** Path templates of google.api.http: `/v1/{name=shelves/*}/books/{id}:verb`. */

type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  /** `*`: exactly one segment. */
  | { readonly kind: 'one' }
  /** `**`: all that follows, at least one segment. */
  | { readonly kind: 'rest' };

export interface Capture {
  /** Path of the request's field: `id`, `book.name`. */
  readonly field: string;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

export interface Template {
  readonly text: string;
  readonly segments: readonly Segment[];
  readonly captures: readonly Capture[];
  readonly verb: string | undefined;
}

function segmentOf(text: string, template: string): Segment {
  if (text === '*') return { kind: 'one' };
  if (text === '**') return { kind: 'rest' };
  if (text === '' || /[{}*]/.test(text)) throw new Error(`path template ${template}: bad segment ${JSON.stringify(text)}`);
  return { kind: 'literal', text };
}

/** Splits at slashes that stand outside of braces. */
function split(path: string): string[] {
  const parts = path.match(/(?:\{[^}]*\}|[^/{])+/g) ?? [];
  if (parts.join('/') !== path) throw new Error(`path template /${path} is malformed`);
  return parts;
}

/** Throws for a template that is none: a fault of the proto, found when the agent starts. */
export function parseTemplate(text: string): Template {
  const [, path, verb] = /^\/(.*?[^:/])(?::([A-Za-z][\w-]*))?$/.exec(text) ?? [];
  if (path === undefined) throw new Error(`path template ${text} is malformed`);
  const segments: Segment[] = [];
  const captures: Capture[] = [];
  for (const part of split(path)) {
    const [, field, pattern] = /^\{([\w.]+)(?:=([^}]+))?\}$/.exec(part) ?? [];
    const from = segments.length;
    for (const piece of field === undefined ? [part] : (pattern ?? '*').split('/')) segments.push(segmentOf(piece, text));
    if (field !== undefined) captures.push({ field, from, to: segments.length });
  }
  const rest = segments.findIndex(({ kind }) => kind === 'rest');
  if (rest !== -1 && rest !== segments.length - 1) throw new Error(`path template ${text}: ** may only stand at the end`);
  return { text, segments, captures, verb };
}

/** What the captures of a matching path hold, still percent-encoded. */
export function captured({ captures, segments }: Template, parts: readonly string[]): Record<string, string> {
  const params: Record<string, string> = {};
  const open = segments.at(-1)?.kind === 'rest';
  for (const { field, from, to } of captures) {
    params[field] = parts.slice(from, open && to === segments.length ? undefined : to).join('/');
  }
  return params;
}
