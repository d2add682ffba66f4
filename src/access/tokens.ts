import { hash } from 'node:crypto';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { invalid, type Violation } from '../kernel/errors.ts';
import { randomToken, ulid } from '../kernel/ids.ts';
import { isReservedName } from '../kernel/own-names.ts';
import type { Scope } from '../kernel/principal.ts';
import { readTokens, updateTokens } from './token-file.ts';
import type { TokenRecord } from './types.ts';

/** Bound of tokens.json; what is revoked or expired is dropped after `forgetAfterMs`. */
const maxTokens = 1000;
const forgetAfterMs = 30 * 86_400_000;
const maxTtlMs = 100 * 365 * 86_400_000;

export interface NewToken {
  readonly record: TokenRecord;
  /** The secret: shown once, kept nowhere. */
  readonly token: string;
}

export interface CreateTokenOptions {
  readonly stateDir: string;
  /** Default source of events published with it; default `token-<id>`. */
  readonly name?: string | undefined;
  readonly scopes: readonly Scope[];
  /** Id of a token whose place this one takes: what that one owns, plugins above all, is this one's too. Both work until one is revoked. */
  readonly replaces?: string | undefined;
  /** Absent: never expires. */
  readonly ttlMs?: number | undefined;
  readonly clock?: Clock;
}

/** The name of a token that was given none. */
export function defaultName(id: string): string {
  return `token-${id.slice(-8).toLowerCase()}`;
}

/** SHA-256, hex: enough for secrets of 256 random bits. */
export function tokenHash(token: string): string {
  return hash('sha256', token, 'hex');
}

/** Mints a token, whether the daemon runs or not. Throws INVALID_REQUEST, RefusedError on a token file that is not fit. */
export function createToken(options: CreateTokenOptions): NewToken {
  const { stateDir, clock = systemClock, scopes, ttlMs } = options;
  assertNewToken(options);
  const now = clock.wallMs();
  const token = randomToken();
  const id = ulid(now);
  const expireTimeMs = ttlMs === undefined ? undefined : now + ttlMs;
  const record = updateTokens<TokenRecord>(stateDir, (records) => {
    const old = predecessor(records, options.replaces);
    const record: TokenRecord = {
      id,
      name: options.name ?? old?.name ?? defaultName(id),
      scopes,
      hash: tokenHash(token),
      succeeds: old && (old.succeeds ?? old.id),
      createTimeMs: now,
      expireTimeMs,
      revokeTimeMs: undefined,
    };
    return { records: withRecord(records, record, now), result: record };
  });
  return { record, token };
}

function predecessor(records: readonly TokenRecord[], id: string | undefined): TokenRecord | undefined {
  const old = records.find((record) => record.id === id);
  if (id === undefined || old !== undefined) return old;
  throw invalid([
    { field: 'replaces', message: `there is no token ${JSON.stringify(id.slice(0, 64))}; \`sboxagent token list\` has those known` },
  ]);
}

/** All records, oldest first, with those revoked or expired in the last 30 days. */
export function listTokens(stateDir: string): readonly TokenRecord[] {
  return readTokens(stateDir);
}

/** Ends a token at once; the running daemon follows within a second. undefined when there is no such id. Revoking twice changes nothing. */
export function revokeToken(stateDir: string, id: string, clock: Clock = systemClock): TokenRecord | undefined {
  return updateTokens(stateDir, (records) => {
    const found = records.find((record) => record.id === id);
    if (found === undefined || found.revokeTimeMs !== undefined) return { result: found };
    const revoked = { ...found, revokeTimeMs: clock.wallMs() };
    return { records: records.map((record) => (record.id === id ? revoked : record)), result: revoked };
  });
}

/** Whether a token is neither revoked nor expired at `nowMs`. */
export function isLive(record: TokenRecord, nowMs: number): boolean {
  return record.revokeTimeMs === undefined && (record.expireTimeMs === undefined || nowMs < record.expireTimeMs);
}

/** The records with one more, without those long dead. Throws INVALID_REQUEST when there are too many. */
export function withRecord(records: readonly TokenRecord[], record: TokenRecord, nowMs: number): readonly TokenRecord[] {
  const kept = records.filter((r) => Math.min(r.revokeTimeMs ?? Infinity, r.expireTimeMs ?? Infinity) > nowMs - forgetAfterMs);
  if (kept.length >= maxTokens) throw invalid([{ field: 'tokens', message: `there are ${maxTokens} tokens already; revoke some` }]);
  return [...kept, record];
}

/** Throws INVALID_REQUEST for what can be no token, before any file is touched. */
export function assertNewToken(options: Pick<CreateTokenOptions, 'name' | 'scopes' | 'ttlMs'>): void {
  const violations: Violation[] = [];
  const { name, scopes, ttlMs } = options;
  if (name !== undefined && !/^[\p{L}\p{N}][\p{L}\p{N}._:@/-]{0,127}$/u.test(name)) {
    violations.push({ field: 'name', message: 'letters, digits and . _ : @ / - only, at most 128' });
  }
  if (name !== undefined && isReservedName(name)) {
    violations.push({ field: 'name', message: `${JSON.stringify(name)} is a name that the agent uses itself; take another` });
  }
  if (scopes.length === 0) violations.push({ field: 'scopes', message: 'at least one' });
  if (ttlMs !== undefined && !(ttlMs > 0 && ttlMs <= maxTtlMs))
    violations.push({ field: 'ttl', message: 'more than 0, at most 100 years' });
  if (violations.length > 0) throw invalid(violations);
}
