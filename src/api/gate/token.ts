import type { Access } from '../../access/types.ts';
import { AgentError } from '../../kernel/errors.ts';
import { anonymous, may, type Principal, type Scope } from '../../kernel/principal.ts';

/** Peers of the unix socket: file permission has let them in. */
export const unixPrincipal: Principal = { id: 'unix', name: 'unix', scopes: new Set(['admin']) };
/** Everybody where `api.security.auth_enabled` is false. */
export const openPrincipal: Principal = { id: 'open', name: 'open', scopes: new Set(['admin']) };

export interface Judged {
  readonly principal: Principal;
  /** Why it may not: unauthenticated, or its scope is missing. */
  readonly error?: AgentError;
}

/** Who calls, and whether they may do what needs `scope` (undefined: everybody). */
export function judgeCaller(
  authorization: string | undefined,
  scope: Scope | undefined,
  options: { readonly local: boolean; readonly authEnabled: boolean; readonly access: Access },
): Judged {
  if (options.local) return { principal: unixPrincipal };
  if (!options.authEnabled) return { principal: openPrincipal };
  const verdict = options.access.authenticate(authorization);
  if (scope === undefined) return { principal: verdict.ok ? verdict.principal : anonymous };
  if (!verdict.ok) return { principal: anonymous, error: new AgentError(verdict.reason, verdict.message) };
  const { principal } = verdict;
  if (may(principal, scope)) return { principal };
  const message = `token ${principal.id} lacks the scope ${scope}`;
  return { principal, error: new AgentError('SCOPE_MISSING', message, { metadata: { scope } }) };
}
