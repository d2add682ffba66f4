/** The names that secrets stand under: the one list, and how a name is judged by it. */

/** Names whose values are masked unless the configuration says otherwise. */
export const defaultSecretNames: readonly string[] = [
  'password',
  'passwd',
  'passphrase',
  'passcode',
  'pass',
  'pwd',
  'secret',
  'secret_id',
  'token',
  'auth',
  'authorization',
  'bearer',
  'jwt',
  'private_key',
  'secret_key',
  'api_key',
  'access_key',
  'auth_key',
  'account_key',
  'encryption_key',
  'master_key',
  'shared_key',
  'signing_key',
  'credential',
  'credentials',
  'cookie',
  'set_cookie',
  'psk',
  'uuid',
];

export interface SecretNames {
  /** Whether a value under this name is a secret: `db_password`, `authToken`, `X-Api-Key`, `client-secret-value`; not `token_count`. */
  has(name: string): boolean;
  /** Whether the name is as often a plain word (`auth: failed`, `auth: {type: basic}`): it needs a closer look at what it stands for. */
  isCommonWord(name: string): boolean;
}

/** Names of at most so many letters must be the last word: `psk`, not `cpsk` and not `psk_bind`. */
const shortName = 4;
/** Longest name that is judged, in characters; of a longer one its end is. */
const longestName = 256;

const wordList = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/** A name that ends in one of these says something about a secret and does not hold it: `token_count`, `password_file`. */
const aboutSecrets = wordList(
  'age algorithm algorithms at budget bytes count counts created dir directory disabled enabled endpoint expire expired expires expiry ' +
    'expiration failures field file filename files format hint host id ids interval kind length level lifetime limit limits method ' +
    'mode name names path paths policy prefix prompt provider realm refresh remaining required rotation scheme scope scopes server ' +
    'size sock socket source state status store time timeout total ttl type types updated uri url usage used user username version',
);
/** A name that begins with one of these counts: `max_tokens`. */
const counting = wordList('max min num number count total has is needs no');
/** What may stand behind a short name: `auth_value`. */
const ofValues = wordList('value values data text string str raw plain base64 b64 hex hash old new header');
const commonWords = wordList('auth pass');

/** `Private-Key2` is private, key; `DBPassword` is db, password. */
function wordsOf(name: string): readonly string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])/g, '$1$3 $2$4')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .map((word) => word.replace(/\d{1,4}$/, ''))
    .filter((word) => word !== '');
}

const singular = (word: string): string => (word.endsWith('ss') ? word : word.replace(/s$/, ''));

interface Compiled {
  readonly short: ReadonlySet<string>;
  readonly long: readonly string[];
  /** Words of the longest name. */
  readonly mostWords: number;
}

function compile(names: readonly string[]): Compiled {
  const split = names.map(wordsOf).filter((words) => words.length > 0);
  const joined = split.map((words) => singular(words.join('')));
  return {
    short: new Set(joined.filter((name) => name.length <= shortName)),
    long: joined.filter((name) => name.length > shortName),
    mostWords: Math.max(1, ...split.map((words) => words.length)),
  };
}

/** Whether one to `mostWords` words that end at `end` are a secret's name, or end as one does: `mypassword`. */
function endsAt(words: readonly string[], end: number, { short, long, mostWords }: Compiled): boolean {
  const last = words.slice(end).every((word) => ofValues.has(word));
  for (let start = end - 1; start >= Math.max(0, end - mostWords); start--) {
    const joined = singular(words.slice(start, end).join(''));
    if (long.some((secret) => joined.endsWith(secret)) || (last && short.has(joined))) return true;
  }
  return false;
}

function judge(name: string, compiled: Compiled): boolean {
  const words = wordsOf(name);
  // A name of the list may itself end in a word that is otherwise about secrets: `secret_id`.
  const whole = singular(words.join(''));
  if (compiled.long.includes(whole) || compiled.short.has(whole)) return true;
  if (aboutSecrets.has(words.at(-1) ?? '') || (words.length > 1 && counting.has(words[0] ?? ''))) return false;
  return words.some((_, i) => endsAt(words, i + 1, compiled));
}

export function createSecretNames(names: readonly string[]): SecretNames {
  const compiled = compile(names);
  const known = new Map<string, boolean>();
  return {
    has(name) {
      if (name.length > longestName) return judge(name.slice(-longestName), compiled);
      const seen = known.get(name);
      if (seen !== undefined) return seen;
      const verdict = judge(name, compiled);
      if (known.size >= 4096) known.clear();
      known.set(name, verdict);
      return verdict;
    },
    isCommonWord: (name) => commonWords.has(wordsOf(name).join('')),
  };
}
