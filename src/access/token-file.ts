import { chownSync, closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { removeTemporaries, writeFileAtomic } from '../kernel/atomic-file.ts';
import { RefusedError } from '../kernel/errors.ts';
import { isScope } from './scopes.ts';
import type { TokenRecord } from './types.ts';

const version = 1;
const maxBytes = 4 * 1024 * 1024;

export function tokenFilePath(stateDir: string): string {
  return join(stateDir, 'tokens.json');
}

/** Reads the records; none where there is no file. Throws RefusedError on a file that is not ours to read or not of this form. */
export function readTokens(stateDir: string): readonly TokenRecord[] {
  const path = tokenFilePath(stateDir);
  const text = readPrivate(path);
  if (text === undefined) return [];
  try {
    return parseTokens(JSON.parse(text));
  } catch {
    throw new RefusedError(`${path}: not a token file of version ${version}; restore it, or remove it and make new tokens`);
  }
}

/** Reads a file that only its owner may read. undefined when there is none; RefusedError with the remedy when others may read it. */
export function readPrivate(path: string): string | undefined {
  const fd = open(path);
  if (fd === undefined) return undefined;
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > maxBytes) throw new RefusedError(`${path}: not a file of tokens; remove it`);
    if ((stat.mode & 0o077) !== 0) {
      const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0');
      throw new RefusedError(`${path}: others than its owner may use it (mode ${mode}); run chmod 600 ${path}`);
    }
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/**
 * Changes the records: reads, lets `change` answer the new ones, writes. Runs of several programs follow each other: the lock
 * is SQLite's on an empty file, which the kernel frees when its holder dies, so that no stale one can be left.
 */
export function updateTokens<T>(
  stateDir: string,
  change: (records: readonly TokenRecord[]) => { records?: readonly TokenRecord[]; result: T },
): T {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const lockPath = join(stateDir, 'tokens.lock');
  closeSync(openSync(lockPath, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
  giveToOwner(stateDir, lockPath);
  const lock = new DatabaseSync(lockPath, { timeout: 10_000 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    // Whoever holds the lock writes alone: what lies there a kill left.
    for (const name of ['tokens.json', 'admin.token']) removeTemporaries(stateDir, name);
    const { records, result } = change(readTokens(stateDir));
    if (records !== undefined)
      writePrivate(stateDir, tokenFilePath(stateDir), `${JSON.stringify({ version, tokens: records.map(toJson) }, null, 1)}\n`);
    return result;
  } finally {
    lock.close();
  }
}

/** Writes a file that only the state directory's owner may read. */
export function writePrivate(stateDir: string, path: string, text: string): void {
  writeFileAtomic(path, text);
  giveToOwner(stateDir, path);
}

/** `sudo sboxagent token create` must not leave a file that the daemon's own user cannot read. */
function giveToOwner(stateDir: string, path: string): void {
  if (process.getuid?.() !== 0) return;
  const owner = statSync(stateDir);
  if (owner.uid !== 0) chownSync(path, owner.uid, owner.gid);
}

function open(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new RefusedError(`${path}: cannot be read (${(error as Error).message}); run as its owner`, { cause: error });
  }
}

function toJson(record: TokenRecord): object {
  const { createTimeMs, expireTimeMs, revokeTimeMs, ...rest } = record;
  return { ...rest, create_time: iso(createTimeMs), expire_time: iso(expireTimeMs), revoke_time: iso(revokeTimeMs) };
}

function iso(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

function parseTokens(file: unknown): readonly TokenRecord[] {
  const { version: found, tokens } = Object(file) as { version?: unknown; tokens?: unknown };
  if (found !== version || !Array.isArray(tokens)) throw new TypeError('wrong version');
  return tokens.map(parseRecord);
}

function parseRecord(value: unknown): TokenRecord {
  const r = Object(value) as Record<string, unknown>;
  const { id, name, scopes, hash } = r;
  const createTimeMs = time(r['create_time']);
  if (typeof id !== 'string' || id === '' || typeof name !== 'string' || createTimeMs === undefined) throw new TypeError('bad record');
  if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) throw new TypeError('bad hash');
  if (!Array.isArray(scopes) || !scopes.every(isScope)) throw new TypeError('bad scopes');
  const { succeeds } = r;
  if (succeeds !== undefined && typeof succeeds !== 'string') throw new TypeError('bad predecessor');
  return { id, name, scopes, hash, succeeds, createTimeMs, expireTimeMs: time(r['expire_time']), revokeTimeMs: time(r['revoke_time']) };
}

function time(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) throw new TypeError('bad time');
  return ms;
}
