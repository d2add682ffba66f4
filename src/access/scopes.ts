import { invalid } from '../kernel/errors.ts';
import { type Scope, scopes } from '../kernel/principal.ts';

/** Reads `read,events:write`: each scope once, in the order of the table. Throws INVALID_REQUEST that names the unknown one. */
export function parseScopes(text: string): readonly Scope[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !isScope(name));
  if (unknown !== undefined) {
    const what = unknown === '' ? 'a scope is missing' : `unknown scope ${JSON.stringify(unknown)}`;
    throw invalid([{ field: 'scopes', message: `${what}; one or more of ${scopes.join(', ')}` }]);
  }
  return scopes.filter((scope) => names.includes(scope));
}

export function isScope(name: unknown): name is Scope {
  return scopes.some((scope) => scope === name);
}
