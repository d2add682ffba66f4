import type { ErrorReason } from '../kernel/catalogue.ts';
import type { Principal, Scope } from '../kernel/principal.ts';

/** What is kept of a minted token: never the token itself. */
export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** SHA-256 of the token, hex. */
  readonly hash: string;
  /** Identity that it took over from the token that it replaces; absent = its own id. */
  readonly succeeds?: string | undefined;
  readonly createTimeMs: number;
  readonly expireTimeMs: number | undefined;
  readonly revokeTimeMs: number | undefined;
}

export type Verdict =
  | { readonly ok: true; readonly principal: Principal; readonly expireTimeMs?: number }
  | { readonly ok: false; readonly reason: ErrorReason; readonly message: string };

/** The daemon's view of who may call; follows the token file as `sboxagent token` changes it. */
export interface Access {
  /** Judges the value of an Authorization header (undefined when there is none). Constant time in the token. */
  authenticate(authorization: string | undefined): Verdict;
  /** Calls `fn` with the token id when a token is revoked, expires, or is gone (within 1 s of it). Answers how to stop. */
  onRevoked(fn: (tokenId: string, reason: ErrorReason) => void): () => void;
}
