import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { RefusedError } from '../kernel/errors.ts';
import { randomToken, ulid } from '../kernel/ids.ts';
import { readPrivate, updateTokens, writePrivate } from './token-file.ts';
import { isLive, tokenHash, withRecord } from './tokens.ts';
import type { TokenRecord } from './types.ts';

export interface EnsureAdminOptions {
  readonly stateDir: string;
  /** Whether the settings have a static admin token: none is made then. */
  readonly hasStaticToken: boolean;
  readonly clock?: Clock;
}

export function adminTokenPath(stateDir: string): string {
  return join(stateDir, 'admin.token');
}

/**
 * Sees to it that somebody can call: without a static token and without a live admin token one is made, recorded hashed, and
 * written to `<state_dir>/admin.token`. A token that stands there works afterwards, or the file is removed (revoked, expired).
 * Answers the path when it made one. Throws RefusedError when others may read the file, or it holds no token.
 */
export function ensureAdminToken({ stateDir, hasStaticToken, clock = systemClock }: EnsureAdminOptions): string | undefined {
  const path = adminTokenPath(stateDir);
  return updateTokens<string | undefined>(stateDir, (records) => {
    const now = clock.wallMs();
    const kept = tokenInFile(path);
    const known = kept === undefined ? undefined : records.find((record) => record.hash === tokenHash(kept));
    // The token file was lost: what the admin still holds goes on working.
    if (kept !== undefined && known === undefined)
      return { records: withRecord(records, adminRecord(records, kept, now), now), result: undefined };
    if (known !== undefined && !isLive(known, now)) rmSync(path, { force: true });
    if (hasStaticToken || records.some((record) => isLive(record, now) && record.scopes.includes('admin'))) return { result: undefined };
    const token = randomToken();
    writePrivate(stateDir, path, `${token}\n`);
    return { records: withRecord(records, adminRecord(records, token, now), now), result: path };
  });
}

function tokenInFile(path: string): string | undefined {
  const token = readPrivate(path)?.trim();
  if (token !== undefined && !/^[\x21-\x7e]{32,512}$/.test(token))
    throw new RefusedError(`${path}: holds no token; remove it and start again`);
  return token;
}

function adminRecord(records: readonly TokenRecord[], token: string, now: number): TokenRecord {
  // `admin` is a name that people can type; a successor of a revoked one must not share its id.
  const id = records.some((record) => record.id === 'admin') ? ulid(now) : 'admin';
  return {
    id,
    name: 'admin',
    scopes: ['admin'],
    hash: tokenHash(token),
    createTimeMs: now,
    expireTimeMs: undefined,
    revokeTimeMs: undefined,
  };
}
