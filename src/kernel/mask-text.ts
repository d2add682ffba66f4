/** Masks secrets in text: URLs, headers, assignments, options of a command line. Every expression is linear in the length of its input. */
import type { SecretNames } from './secret-names.ts';

export const mask = '***';

/** Links of proxies that say all, user and password too, in one word of base64. */
const encodedLink = /\b(vmess|ssr?):\/\/[A-Za-z0-9+/=_-]{8,}(?=[\s#?&"'<>,;)\]}]|$)/gi;

/** `scheme://user:password@host`, `vmess://…`, and `?token=…`, `#access_token=…` in a string that has a URL. */
export function maskUrls(text: string, names: SecretNames): string {
  if (!text.includes('://')) return text;
  return text
    .replaceAll(/:\/\/[^\s/?#"'<>]*@/g, `://${mask}@`)
    .replaceAll(encodedLink, `$1://${mask}`)
    .replaceAll(/([?&#;])([^\s=&?#;"'<>]{1,128})=([^\s&#"'<>]+)/g, (all, lead: string, name: string) =>
      names.has(name) ? `${lead}${name}=${mask}` : all,
    );
}

const schemes = /\b(Bearer|Basic|Digest)\s{1,4}[A-Za-z0-9._~+/=-]{6,}/gi;
/** Whatever scheme stands in the header itself: `authorization: token abc`. */
const authorization = /(authorization["']?\s{0,4}[:=]\s{0,4}["']?[A-Za-z][\w-]{0,31}\s{1,4})([^\s"',;]+)/gi;
/** Several cookies stand in one header. */
const cookies = /(\bcookie["']?\s{0,4}:\s{0,4}["']?)([^\s=;"']{1,128}=[^\r\n"']+)/gi;
/** `token=…`, `"token": …`, `--token=…`. */
const assignment = /(?<![\w.-])-{0,2}(["']?)([A-Za-z_][\w.-]{0,127})\1\s{0,8}[=:]\s{0,8}/g;
const assigned = /"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&"'}\])]+/y;
const noSecret = /^["']?(true|false|null|none|\*\*\*)["']?$/i;
const option = /(?<![\w.-])(--?)([A-Za-z][\w.-]{0,127})(\s{1,8})(?!-)("[^"]*"|'[^']*'|[^\s,;]+)/g;

export function maskText(text: string, names: SecretNames): string {
  const plain = maskUrls(text, names)
    .replaceAll(schemes, `$1 ${mask}`)
    .replaceAll(authorization, `$1${mask}`)
    .replaceAll(cookies, `$1${mask}`);
  return maskAssignments(plain, names).replaceAll(option, (all, dashes: string, name: string, gap: string) =>
    names.has(name) ? `${dashes}${name}${gap}${mask}` : all,
  );
}

/** A value is skipped only where it was masked: in `no: password=x` the value of the first name holds the second. */
function maskAssignments(text: string, names: SecretNames): string {
  let out = '';
  let kept = 0;
  const heads = new RegExp(assignment);
  const values = new RegExp(assigned);
  for (let head = heads.exec(text); head !== null; head = heads.exec(text)) {
    const [whole, quote = '', name = ''] = head;
    // `auth: failed` is how programs begin a line.
    const aWord = quote === '' && !whole.endsWith('=') && names.isCommonWord(name);
    if (aWord || !names.has(name)) continue;
    values.lastIndex = heads.lastIndex;
    const value = values.exec(text)?.[0];
    if (value === undefined || noSecret.test(value) || isScheme(value, text.slice(heads.lastIndex + value.length))) continue;
    const around = value.startsWith('"') ? '"' : value.startsWith("'") ? "'" : '';
    out += `${text.slice(kept, heads.lastIndex)}${around}${mask}${around}`;
    kept = heads.lastIndex + value.length;
    heads.lastIndex = kept;
  }
  return out + text.slice(kept);
}

/** Whether it is the word before a credential that is masked already. */
function isScheme(value: string, rest: string): boolean {
  return /^["']?[A-Za-z][\w-]{0,31}$/.test(value) && /^\s{1,4}\*\*\*/.test(rest);
}
