import type { Keys } from '../../documents/index.ts';
import { createRedactor } from '../../kernel/redaction.ts';
import { compileKeys, foldName } from './key-pattern.ts';
import type { Document, Engine } from './types.ts';
import { walkConfig } from './walk.ts';

export interface ConfigSecret {
  /** As written: `inbounds[0].users[0].password`. */
  readonly path: string;
  readonly keys: Keys;
  readonly value: string;
}

const userinfo = /^[a-z][a-z0-9+.-]*:\/\/([^\s/@?#]+)@/i;

/** Where a config holds secrets, and which: what stands under a secret's name, what the engine calls by another, the userinfo of URLs. */
export function secretsOf(engine: Engine, document: Document): readonly ConfigSecret[] {
  const redactor = createRedactor();
  const own = compileKeys(engine.keys.secrets);
  const found: ConfigSecret[] = [];
  const isSecret = new Map<string, boolean>();
  const named = (name: string): boolean => {
    const known = isSecret.get(name);
    if (known !== undefined) return known;
    const answer = redactor.isSecretName(name.replaceAll('-', '_'));
    isSecret.set(name, answer);
    return answer;
  };
  walkConfig(document, ({ value, path, keys, names, key, type }) => {
    if (typeof value !== 'string' && typeof value !== 'number') return;
    const text = String(value);
    if (text === '' || text === '***') return;
    const name = names.at(-1) ?? '';
    if (name !== 'username' && (own(names, type) || named(name) || named(foldName(withDashes(key)))))
      found.push({ path: path(), keys: [...keys], value: text });
    else {
      const login = userinfo.exec(text)?.[1];
      if (login !== undefined) found.push({ path: path(), keys: [...keys], value: login });
    }
  });
  return found;
}

/** Folding loses the humps of `privateKey`: they are words to the list of names. */
function withDashes(key: string): string {
  return key.replace(/([a-z\d])([A-Z])/g, '$1-$2');
}

/** Shorter ones would mask half of every line. */
const shortest = 6;

/** Values to be masked wherever they turn up, longest first, so that none leaves a part of another behind; parts of `user:password` too. */
export function secretValues(secrets: readonly Pick<ConfigSecret, 'value'>[]): readonly string[] {
  const values = secrets.flatMap(({ value }) => (value.includes(':') ? [value, value.slice(value.indexOf(':') + 1)] : [value]));
  return [...new Set(values.filter((value) => value.length >= shortest))].sort((a, b) => b.length - a.length);
}
