/** Whether a directory is one of the agent's: whoever writes in it asks first, the daemon and the command line. */
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What the agent puts at the top of its state directory, and what a new disk or a person may have put there for it. */
const ourNames =
  /^(?:sboxagent\.db.*|admin\.token|tokens\.(?:json|lock)|lock(?:-journal)?|api\.sock.*|logs|units|backups|plugins|sboxmgr|lost\+found|(?:sboxagent|agent|api|plugins)\.yaml|\..*\.tmp)$/;
const sqliteHeader = 'SQLite format 3\0';
/** Of foreign names, so many are told. */
const mostNamed = 3;

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
