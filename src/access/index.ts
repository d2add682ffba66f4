/**
 * Access: who calls. Tokens are minted, listed and revoked in a file of the state directory (by the command line, whether the
 * daemon runs or not), and judged by the daemon, which follows that file.
 *
 * Invariants: a token is never stored, only its SHA-256; every change of the file is atomic and serialised among programs;
 * what is revoked, expired or gone ends the streams that are open under it within a second.
 *
 * Used by api (types and `Access`), cli (minting) and app. Imports kernel only.
 */
export { adminTokenPath, type EnsureAdminOptions, ensureAdminToken } from './admin-token.ts';
export { type OpenAccess, type OpenAccessOptions, openAccess } from './open-access.ts';
export { parseScopes } from './scopes.ts';
export { assertNewToken, type CreateTokenOptions, createToken, isLive, listTokens, type NewToken, revokeToken } from './tokens.ts';
export type { Access, TokenRecord, Verdict } from './types.ts';
