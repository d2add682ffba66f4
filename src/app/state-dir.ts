import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RefusedError } from '../kernel/errors.ts';
import { whyNotOurs } from '../kernel/state-dir.ts';
import type { LoadedSettings } from '../settings/index.ts';
import { lockStateDir } from './lock.ts';

/** Level by level: Node's own recursive form never returns where a parent takes no directories (/proc). */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

const otherWriters = 0o022;
const sticky = 0o1000;

/** Not one that everybody shares on purpose; one of another owner stays as that owner has it. */
function closeToWriters(stateDir: string): void {
  const { mode, uid } = statSync(stateDir);
  if ((mode & otherWriters) === 0 || (mode & sticky) !== 0 || uid !== process.getuid?.()) return;
  chmodSync(stateDir, mode & 0o7777 & ~otherWriters);
}

/**
 * The state directory exists, is ours alone, and no other daemon has it until `release`. One that we make is 0700; of one that
 * was there only the right of others to write in it is taken away, for they could put tokens of their own there. Throws RefusedError.
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
  closeToWriters(stateDir);
  return lockStateDir(join(stateDir, 'lock'));
}

/** What the configuration itself may have put there. */
export function expectedFiles({ paths, settings }: Pick<LoadedSettings, 'paths' | 'settings'>): readonly string[] {
  return [...paths, settings.api.unixSocket.path, settings.sboxmgr.socket.path];
}
