/**
 * Finds secrets by the names they stand under, and by the userinfo of URLs, and puts `***` in their place: in JSON-like
 * values (events) and in text (log lines, command lines). Every expression here is linear in the length of its input.
 */

export const mask = '***';

/** Names whose values are masked unless the configuration says otherwise. */
export const defaultSecretNames: readonly string[] = [
  'password',
  'passwd',
  'passphrase',
  'secret',
  'token',
  'authorization',
  'private_key',
  'secret_key',
  'api_key',
  'access_key',
  'credential',
  'credentials',
  'cookie',
  'set_cookie',
  'pwd',
  'psk',
];

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export interface Redactor {
  /** Whether a value under this name is a secret: `db_password`, `authToken`, `X-Api-Key`; not `token_count`. */
  isSecretName(name: string): boolean;
  /** Answers `value` itself where nothing is secret, else a copy. `paths` name what was masked, below `root`: `data.users[0].token`. */
  json<T extends JsonValue>(value: T, root: string): { readonly value: T; readonly paths: readonly string[] };
  text(text: string): string;
}

/** Names of at most so many letters must be a word of their own: `psk`, not `cpsk`. */
const shortName = 4;

export function createRedactor(names: readonly string[] = defaultSecretNames): Redactor {
  const isSecretName = nameMatcher(names);
  return {
    isSecretName,
    json(value, root) {
      const paths: string[] = [];
      return { value: maskJson(value, root, { isSecretName, paths }) as typeof value, paths };
    },
    text: (text) => maskText(text, isSecretName),
  };
}

const standard = createRedactor();

/** Masks what looks like a secret in a line of text. */
export const redactText = standard.text;

function nameMatcher(names: readonly string[]): (name: string) => boolean {
  const squashed = names.map(squash).filter((name) => name !== '');
  const long = squashed.filter((name) => name.length > shortName);
  const short = new Set(squashed.filter((name) => name.length <= shortName));
  const judge = (name: string): boolean => {
    const whole = squash(name);
    if (short.has(whole) || long.some((secret) => whole.endsWith(secret))) return true;
    const words = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').split(/[^A-Za-z0-9]+/);
    return short.has(squash(words.at(-1) ?? ''));
  };
  const known = new Map<string, boolean>();
  return (name) => {
    if (name.length > 256) return judge(name.slice(-256));
    const seen = known.get(name);
    if (seen !== undefined) return seen;
    const verdict = judge(name);
    if (known.size >= 4096) known.clear();
    known.set(name, verdict);
    return verdict;
  };
}

/** `Private-Key2` and `privateKey` are `privatekey`; a plural is its singular. */
function squash(name: string): string {
  const letters = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const bare = letters.replace(/\d{1,4}$/, '');
  return (bare === '' ? letters : bare).replace(/s$/, '');
}

interface Walk {
  readonly isSecretName: (name: string) => boolean;
  readonly paths: string[];
}

function maskJson(value: JsonValue, path: string, walk: Walk): JsonValue {
  if (typeof value === 'string') {
    const masked = maskUrls(value, walk.isSecretName);
    if (masked !== value) walk.paths.push(path);
    return masked;
  }
  if (typeof value !== 'object' || value === null) return value;
  const before = walk.paths.length;
  if (Array.isArray(value)) {
    const items = value.map((item: JsonValue, i) => maskJson(item, `${path}[${i}]`, walk));
    return walk.paths.length === before ? value : items;
  }
  // fromEntries defines own properties, so that even a key `__proto__` stays what it was.
  const entries = Object.entries(value).map(([key, item]) => [key, maskField(key, item, { path: `${path}.${key}`, walk })] as const);
  return walk.paths.length === before ? value : Object.fromEntries(entries);
}

function maskField(key: string, value: JsonValue, at: { readonly path: string; readonly walk: Walk }): JsonValue {
  // A flag or an absence under such a name (`has_password: true`) tells no secret.
  const tells = value !== null && typeof value !== 'boolean' && value !== '';
  if (!tells || !at.walk.isSecretName(key)) return maskJson(value, at.path, at.walk);
  if (value !== mask) at.walk.paths.push(at.path);
  return mask;
}

/** `scheme://user:password@host` and `?token=…` in a string that has a URL. */
function maskUrls(text: string, isSecretName: (name: string) => boolean): string {
  if (!text.includes('://')) return text;
  return text
    .replaceAll(/:\/\/[^\s/?#"'<>]*@/g, `://${mask}@`)
    .replaceAll(/([?&])([^\s=&?#"'<>]{1,128})=([^\s&#"'<>]+)/g, (all, lead: string, name: string) =>
      isSecretName(name) ? `${lead}${name}=${mask}` : all,
    );
}

const bearer = /\b(Bearer|Basic|Digest)\s{1,4}[A-Za-z0-9._~+/=-]{6,}/gi;
const assignment = /(?<![\w.-])(["']?)([A-Za-z_][\w.-]{0,127})\1\s{0,8}[=:]\s{0,8}/g;
const assigned = /"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&"'}\])]+/y;
const noSecret = /^["']?(true|false|null|Bearer|Basic|Digest)["']?$/i;
const option = /(?<![\w.-])(--?)([A-Za-z][\w.-]{0,127})(\s{1,8})(?!-)("[^"]*"|'[^']*'|[^\s,;]+)/g;

function maskText(text: string, isSecretName: (name: string) => boolean): string {
  const urls = maskUrls(text, isSecretName).replaceAll(bearer, `$1 ${mask}`);
  return maskAssignments(urls, isSecretName).replaceAll(option, (all, dashes: string, name: string, gap: string) =>
    isSecretName(name) ? `${dashes}${name}${gap}${mask}` : all,
  );
}

/** A value is skipped only where it was masked: in `no: password=x` the value of the first name holds the second. */
function maskAssignments(text: string, isSecretName: (name: string) => boolean): string {
  let out = '';
  let kept = 0;
  const heads = new RegExp(assignment);
  const values = new RegExp(assigned);
  for (let head = heads.exec(text); head !== null; head = heads.exec(text)) {
    if (!isSecretName(head[2] ?? '')) continue;
    values.lastIndex = heads.lastIndex;
    const value = values.exec(text)?.[0];
    if (value === undefined || noSecret.test(value)) continue;
    const quote = value.startsWith('"') ? '"' : value.startsWith("'") ? "'" : '';
    out += `${text.slice(kept, heads.lastIndex)}${quote}${mask}${quote}`;
    kept = heads.lastIndex + value.length;
    heads.lastIndex = kept;
  }
  return out + text.slice(kept);
}
