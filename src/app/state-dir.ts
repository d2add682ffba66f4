import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { RefusedError } from '../kernel/errors.ts';
import type { LoadedSettings } from '../settings/index.ts';
import { lockStateDir } from './lock.ts';

/** What the agent puts at the top of its state directory, and what a new disk or a person may have put there for it. */
const ourNames =
  /^(?:sboxagent\.db.*|admin\.token|tokens\.(?:json|lock)|lock(?:-journal)?|api\.sock.*|logs|units|backups|plugins|sboxmgr|lost\+found|(?:sboxagent|agent|api|plugins)\.yaml|\..*\.tmp)$/;
const sqliteHeader = 'SQLite format 3\0';
/** Of foreign names, so many are told. */
const mostNamed = 3;

/** Level by level: Node's own recursive form never returns where a parent takes no directories (/proc). */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

function isDatabase(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(sqliteHeader.length);
    return readSync(fd, head, 0, head.length, 0) === head.length && head.toString('latin1') === sqliteHeader;
  } finally {
    closeSync(fd);
  }
}

/** Names that make a directory somebody else's; empty where it is ours: it has our database or our lock, or nothing but what we make. */
function foreignNames(stateDir: string, expected: readonly string[]): readonly string[] {
  if (['sboxagent.db', 'lock'].some((name) => isDatabase(join(stateDir, name)))) return [];
  const ours = new Set(expected.filter((path) => dirname(path) === stateDir).map((path) => basename(path)));
  return readdirSync(stateDir).filter((name) => !ourNames.test(name) && !ours.has(name));
}

/**
 * Why a directory that is there is not ours; undefined where it is, or is empty. `expected` are files that may lie there besides ours: the
 * configuration, sockets.
 */
export function whyNotOurs(stateDir: string, expected: readonly string[]): string | undefined {
  const foreign = foreignNames(stateDir, expected);
  if (foreign.length === 0) return undefined;
  const named = foreign.slice(0, mostNamed).join(', ') + (foreign.length > mostNamed ? ', …' : '');
  return `it is not empty and not of sboxagent (${named}); choose an empty directory, or a new one, with --state-dir`;
}

/**
 * The state directory exists, is ours alone, and no other daemon has it until `release`. One that we make is 0700; the mode of one that
 * was there is its owner's business. Throws RefusedError.
 */
export function claimStateDir(stateDir: string, expected: readonly string[] = []): { release(): void } {
  const refused = (why: string): RefusedError => new RefusedError(`agent.state_dir ${stateDir}: ${why}`);
  let why: string | undefined;
  try {
    makeDirectory(stateDir);
    why = whyNotOurs(stateDir, expected);
  } catch (error) {
    throw refused(`${error instanceof Error ? error.message : String(error)}; choose a directory of your own with --state-dir`);
  }
  if (why !== undefined) throw refused(why);
  return lockStateDir(join(stateDir, 'lock'));
}

/** What the configuration itself may have put there. */
export function expectedFiles({ paths, settings }: Pick<LoadedSettings, 'paths' | 'settings'>): readonly string[] {
  return [...paths, settings.api.unixSocket.path, settings.sboxmgr.socket.path];
}
