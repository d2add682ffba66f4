/** The audit as the command line uses it: on the state directory, whether the daemon runs or not. */
import { chownSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { AgentError, RefusedError } from '../kernel/errors.ts';
import { ulid } from '../kernel/ids.ts';
import { whyNotOurs } from '../kernel/state-dir.ts';
import { inTransaction, migrate, openReader, openWriter } from '../store/database.ts';
import { procedures } from './audit-procedures.ts';
import type { AuditCall, AuditResult } from './types.ts';
import { type Verdict, verifyChain } from './verify.ts';

export type Done<T> = { readonly value: T; readonly result: AuditResult };

/**
 * Makes a change of the state directory with its entry: the intent is on disk before, the end after. `work` answers what the entry says of
 * it. Throws AUDIT_UNAVAILABLE where the audit cannot be written, and RefusedError where the directory is somebody else's: nothing is changed
 * then, nor is anything made.
 */
export function auditedChange<T>(
  stateDir: string,
  call: Omit<AuditCall, 'timeMs'>,
  {
    clock,
    work,
    expected,
  }: { clock: Clock; work: () => Done<T> /** Files that may lie there beside ours. */; expected: readonly string[] },
): T {
  const path = databasePath(stateDir);
  const why = existsSync(stateDir) ? whyNotOurs(stateDir, expected) : undefined;
  if (why !== undefined) throw new RefusedError(`${stateDir}: ${why}`);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const fresh = !existsSync(path);
  const db = refusing(path, () => openWriter({ path, durability: 'full' }));
  try {
    if (fresh) giveToOwner(stateDir, path);
    const id = ulid(clock.wallMs());
    const entry: AuditCall = { ...call, timeMs: clock.wallMs() };
    const write = (name: 'begin' | 'finish', args: object): void =>
      refusing(path, () => inTransaction(db, () => void procedures.writes[name]?.(db, args as never)));
    refusing(path, () => migrate(db, new Map([['audit', procedures]])));
    write('begin', { id, call: entry });
    const end = (result: AuditResult): void => write('finish', { id, call: entry, result, agedMs: clock.wallMs() });
    try {
      const { value, result } = work();
      end(result);
      return value;
    } catch (error) {
      if (!(error instanceof AgentError && error.reason === 'AUDIT_UNAVAILABLE')) end(failureOf(error));
      throw error;
    }
  } finally {
    db.close();
  }
}

function failureOf(error: unknown): AuditResult {
  return error instanceof AgentError
    ? { code: error.code.toUpperCase(), reason: error.reason }
    : { code: 'FAILED_PRECONDITION', reason: '' };
}

/** Looks at every entry. undefined where there is no audit yet. */
export function verifyAudit(stateDir: string, known?: { readonly sequence: number; readonly hash: string }): Verdict | undefined {
  const path = databasePath(stateDir);
  if (!existsSync(path)) return undefined;
  const db = refusing(path, () => openReader({ path }));
  try {
    db.exec('BEGIN');
    const there = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'audit_chain'").get();
    return there === undefined ? undefined : verifyChain(db, known);
  } finally {
    db.close();
  }
}

function databasePath(stateDir: string): string {
  return join(stateDir, 'sboxagent.db');
}

function refusing<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new AgentError('AUDIT_UNAVAILABLE', `${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** `sudo sboxagent token create` before the first start must not leave a database that the daemon's user cannot open. */
function giveToOwner(stateDir: string, path: string): void {
  if (process.getuid?.() !== 0) return;
  const owner = statSync(stateDir);
  if (owner.uid === 0) return;
  for (const suffix of ['', '-wal', '-shm']) if (existsSync(path + suffix)) chownSync(path + suffix, owner.uid, owner.gid);
}
