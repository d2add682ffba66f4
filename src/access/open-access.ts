import { hash, timingSafeEqual } from 'node:crypto';
import type { ErrorReason } from '../kernel/catalogue.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { identityOfFile } from '../kernel/follow-files.ts';
import { isReservedName } from '../kernel/own-names.ts';
import type { Principal } from '../kernel/principal.ts';
import { readTokens, tokenFilePath } from './token-file.ts';
import { defaultName, isLive } from './tokens.ts';
import type { Access, TokenRecord, Verdict } from './types.ts';
import { openUnitTokens, unitPrincipal } from './unit-tokens.ts';

export interface OpenAccessOptions {
  readonly stateDir: string;
  /** false: everybody is admin (loopback only; the settings see to that). */
  readonly authEnabled: boolean;
  /** The static admin token. */
  readonly authToken?: string | undefined;
  readonly clock?: Clock;
  /** Is called when the token file became unreadable (what was known before stays in effect), and with undefined when it is well again. */
  readonly onProblem?: (message: string | undefined) => void;
}

export interface OpenAccess extends Access {
  /** The token that a plugin of `plugins.units` gets in its environment. */
  unitToken(id: string): string;
  /** The declared ones: what is not among them has no token any more. */
  setUnits(ids: readonly string[]): void;
  /** Takes up another static token; the streams of the old one end. */
  reload(change: { readonly authToken: string | undefined }): void;
  /** Tokens that end within `withinMs`, or within the last fifth of their life where that is shorter. */
  expiring(withinMs: number): readonly { readonly id: string; readonly name: string; readonly leftMs: number }[];
  /** Idempotent. */
  stop(): void;
}

interface Entry {
  readonly digest: Buffer;
  readonly principal: Principal;
  readonly record: TokenRecord | undefined;
}

const maxHeader = 1024;
/** The streams of a token that has expired end within two seconds. */
const expireEveryMs = 500;
/** Calls look at the file at most as often as this, so that a token that was revoked is refused at once. */
const lookEveryMs = 10;
const everybody: Principal = { id: 'anonymous', name: 'anonymous', scopes: new Set(['admin']) };

/** Opens the daemon's view of who may call. Throws RefusedError on a token file that is not fit. */
export function openAccess(options: OpenAccessOptions): OpenAccess {
  const { stateDir, clock = systemClock } = options;
  let authToken = options.authToken;
  const unitTokens = openUnitTokens(stateDir);
  let units: readonly Entry[] = [];
  const file = tokenFilePath(stateDir);
  let readFrom = identityOfFile(file);
  let records = readTokens(stateDir);
  let entries = entriesOf(records, authToken);
  let live = liveIds(records, authToken, clock.wallMs());
  const listeners = new Set<(tokenId: string, reason: ErrorReason) => void>();

  const index = (): void => {
    entries = [...entriesOf(records, authToken), ...units];
    settle();
  };
  /** Who has come, and who has gone since: time ends tokens too. */
  const settle = (): void => {
    const now = clock.wallMs();
    const before = live;
    live = new Map([...liveIds(records, authToken, now), ...units.map(({ principal }) => [principal.id, 'unit'] as const)]);
    for (const [id, secret] of before) if (live.get(id) !== secret) reportEnd(id, endOf(records, id, now));
  };
  const reportEnd = (id: string, reason: ErrorReason): void => {
    for (const fn of [...listeners]) fn(id, reason);
  };
  const reread = (): void => {
    try {
      records = readTokens(stateDir);
      options.onProblem?.(undefined);
    } catch (error) {
      options.onProblem?.((error as Error).message);
    }
    index();
  };
  let lookedMs = Number.NEGATIVE_INFINITY;
  /** Whether the file was another one. Guesses make it be looked at, and not be read. */
  const look = (): boolean => {
    lookedMs = clock.monotonicMs();
    const identity = identityOfFile(file);
    if (identity === readFrom) return false;
    readFrom = identity;
    reread();
    return true;
  };
  // Its directory announces nothing: the journal lies there too, and each of its writes would wake this thread.
  const stopLooking = clock.every(expireEveryMs, () => {
    if (!look()) settle();
  });

  return {
    authenticate(authorization) {
      if (!options.authEnabled) return { ok: true, principal: everybody };
      if (clock.monotonicMs() - lookedMs >= lookEveryMs) look();
      const verdict = judge(authorization, entries, clock.wallMs());
      // It may have been made a moment ago: whoever was given it uses it at once.
      const anew = !verdict.ok && verdict.reason === 'TOKEN_INVALID' && look();
      return anew ? judge(authorization, entries, clock.wallMs()) : verdict;
    },
    onRevoked(fn) {
      listeners.add(fn);
      return () => listeners.delete(fn);
    },
    unitToken: unitTokens.tokenOf,
    setUnits(ids) {
      units = ids.map((id) => ({
        digest: hash('sha256', unitTokens.tokenOf(id), 'buffer'),
        principal: unitPrincipal(id),
        record: undefined,
      }));
      index();
    },
    reload(change) {
      authToken = change.authToken;
      index();
    },
    expiring: (withinMs) =>
      records.flatMap(({ id, name, createTimeMs, expireTimeMs, revokeTimeMs }) => {
        if (expireTimeMs === undefined || revokeTimeMs !== undefined) return [];
        const leftMs = expireTimeMs - clock.wallMs();
        const windowMs = Math.min(withinMs, (expireTimeMs - createTimeMs) / 5);
        return leftMs > 0 && leftMs <= windowMs ? [{ id, name, leftMs }] : [];
      }),
    stop() {
      stopLooking();
    },
  };
}

function judge(authorization: string | undefined, entries: readonly Entry[], now: number): Verdict {
  if (authorization === undefined || authorization.trim() === '') return deny('TOKEN_MISSING', 'the call carries no token');
  const match = authorization.length > maxHeader ? null : /^Bearer(?: +(\S+))? *$/i.exec(authorization);
  if (match === null) return deny('TOKEN_INVALID', 'the authorization header is not of the form "Bearer <token>"');
  if (match[1] === undefined) return deny('TOKEN_MISSING', 'the authorization header has no token after "Bearer"');
  const found = lookUp(match[1], entries);
  if (found === undefined) return deny('TOKEN_INVALID', 'the token is not known here');
  const { record, principal } = found;
  if (record === undefined) return { ok: true, principal };
  if (record.revokeTimeMs !== undefined) return deny('TOKEN_REVOKED', `token ${record.id} was revoked`);
  if (!isLive(record, now)) return deny('TOKEN_EXPIRED', `token ${record.id} has expired`);
  return record.expireTimeMs === undefined ? { ok: true, principal } : { ok: true, principal, expireTimeMs: record.expireTimeMs };
}

/** Compares with every entry, so that the time taken says nothing of which one was near. */
function lookUp(token: string, entries: readonly Entry[]): Entry | undefined {
  const digest = hash('sha256', token, 'buffer');
  let found: Entry | undefined;
  for (const entry of entries) if (timingSafeEqual(digest, entry.digest)) found ??= entry;
  return found;
}

function deny(reason: ErrorReason, message: string): Verdict {
  return { ok: false, reason, message };
}

function entriesOf(records: readonly TokenRecord[], authToken: string | undefined): readonly Entry[] {
  const minted = records.map((record) => ({
    digest: Buffer.from(record.hash, 'hex'),
    principal: {
      id: record.id,
      name: nameOf(record),
      scopes: new Set(record.scopes),
      ...(record.succeeds !== undefined && { identity: record.succeeds }),
    },
    record,
  }));
  if (authToken === undefined) return minted;
  const principal: Principal = { id: 'admin', name: 'admin', scopes: new Set(['admin']) };
  return [{ digest: hash('sha256', authToken, 'buffer'), principal, record: undefined }, ...minted];
}

/** A token of an older version, or of a file edited by hand, may have a name that is the agent's own: it speaks under its id. */
function nameOf({ id, name }: TokenRecord): string {
  return isReservedName(name) ? defaultName(id) : name;
}

/** Who may call now: id -> what it may call with, so that a change under the same id counts as an end. */
function liveIds(records: readonly TokenRecord[], authToken: string | undefined, now: number): ReadonlyMap<string, string> {
  const ids = new Map(records.filter((record) => isLive(record, now)).map((record) => [record.id, record.hash]));
  // The static token shares the id of the first one: a change of either ends the streams of both, which then come back.
  if (authToken !== undefined) ids.set('admin', `${ids.get('admin') ?? ''}+${hash('sha256', authToken, 'hex')}`);
  return ids;
}

function endOf(records: readonly TokenRecord[], id: string, now: number): ErrorReason {
  const record = records.find((r) => r.id === id);
  return record !== undefined && record.revokeTimeMs === undefined && !isLive(record, now) ? 'TOKEN_EXPIRED' : 'TOKEN_REVOKED';
}
