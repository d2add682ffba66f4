import type { Access, Verdict } from '../../access/types.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import { anonymous, may, type Principal, type Scope } from '../../kernel/principal.ts';

/** Peers of the unix socket: file permission has let them in. */
const unixPrincipal: Principal = { id: 'unix', name: 'unix', scopes: new Set(['admin']) };
/** Everybody where `api.security.auth_enabled` is false. */
const openPrincipal: Principal = { id: 'open', name: 'open', scopes: new Set(['admin']) };

export interface Judged {
  readonly principal: Principal;
  /** Why it may not: unauthenticated, or its scope is missing. */
  readonly error?: AgentError;
}

/** How long a token that was found valid is believed without another look: within what the end of a token may take to be seen. */
const believedMs = 500;
/** Tokens that are remembered so. */
const maxKnown = 256;

/** The same judgement, without a hash for each call of one that has just been judged. What was refused is judged again. */
export function rememberValid(access: Access, clock: Clock): Pick<Access, 'authenticate'> & { forget(): void } {
  const known = new Map<string, { readonly verdict: Verdict; readonly untilMs: number }>();
  return {
    authenticate(authorization) {
      const nowMs = clock.monotonicMs();
      const before = authorization === undefined ? undefined : known.get(authorization);
      if (before !== undefined && before.untilMs > nowMs) return before.verdict;
      const verdict = access.authenticate(authorization);
      if (known.size >= maxKnown) known.clear();
      if (authorization !== undefined && verdict.ok) known.set(authorization, { verdict, untilMs: nowMs + believedMs });
      return verdict;
    },
    forget: () => known.clear(),
  };
}

/** Who calls, and whether they may do what needs `scope` (undefined: everybody). */
export function judgeCaller(
  authorization: string | undefined,
  scope: Scope | undefined,
  options: { readonly local: boolean; readonly authEnabled: boolean; readonly access: Pick<Access, 'authenticate'> },
): Judged {
  if (options.local) return { principal: unixPrincipal };
  if (!options.authEnabled) return { principal: openPrincipal };
  return judgeVerdict(options.access.authenticate(authorization), scope);
}

/** Whether who is known by a token, or by a signature, may do what needs `scope` (undefined: everybody may). */
export function judgeVerdict(verdict: Verdict, scope: Scope | undefined): Judged {
  if (scope === undefined) return { principal: verdict.ok ? verdict.principal : anonymous };
  if (!verdict.ok) return { principal: anonymous, error: new AgentError(verdict.reason, verdict.message) };
  const { principal } = verdict;
  if (may(principal, scope)) return { principal };
  const message = `token ${principal.id} lacks the scope ${scope}`;
  return { principal, error: new AgentError('SCOPE_MISSING', message, { metadata: { scope } }) };
}
