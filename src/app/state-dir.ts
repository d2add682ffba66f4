import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RefusedError } from '../kernel/errors.ts';
import { lockStateDir } from './lock.ts';

/** Level by level: Node's own recursive form never returns where a parent takes no directories (/proc). */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/** The state directory exists, is ours alone, and no other daemon has it until `release`. Throws RefusedError. */
export function claimStateDir(stateDir: string): { release(): void } {
  try {
    makeDirectory(stateDir);
    chmodSync(stateDir, 0o700);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RefusedError(`agent.state_dir ${stateDir}: ${why}; choose a directory of your own with --state-dir`);
  }
  return lockStateDir(join(stateDir, 'lock'));
}
