/** What a caller may do: one scope a method, none implies another, `admin` has all. */
export const scopes = ['read', 'events:write', 'operate', 'config:write', 'admin'] as const;

export type Scope = (typeof scopes)[number];

/** Who calls. */
export interface Principal {
  /** Token id (`admin` for the static and the first token), `unix` for the socket's peers, `anonymous` without a token. */
  readonly id: string;
  /** Name of the token: the default source of events that it publishes. */
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
  /** Who it is over the rotation of its token: the id of the first one. Absent = `id`. What is owned is owned by this. */
  readonly identity?: string;
}

export function identityOf({ id, identity }: Principal): string {
  return identity ?? id;
}

export const anonymous: Principal = { id: 'anonymous', name: 'anonymous', scopes: new Set() };

export function may(principal: Principal, scope: Scope): boolean {
  return principal.scopes.has('admin') || principal.scopes.has(scope);
}
