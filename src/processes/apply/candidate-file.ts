import { chownSync, existsSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { notWritten } from '../../documents/index.ts';
import { removeTemporaries, writeFileAtomic } from '../../kernel/atomic-file.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { UnitSettings } from '../../settings/types.ts';
import { changesUser, identityOf } from '../confine.ts';
import { prepareDirectory, runFiles } from '../unit-record.ts';

export interface CandidateFile {
  readonly stateDir: string;
  readonly unit: Pick<UnitSettings, 'id' | 'user' | 'group'>;
  /** The file that it is meant for: the candidate gets its ending, and its owner. */
  readonly configPath: string;
  readonly text: string;
}

/** Lays a candidate where only the engine's own user can read it, for as long as `use` needs it. */
export async function withCandidateFile<T>(file: CandidateFile, use: (path: string) => Promise<T>): Promise<T> {
  const path = pathOf(file);
  try {
    lay(path, file);
    return await use(path);
  } finally {
    rmSync(path, { force: true });
  }
}

/**
 * Removes what a killed agent left of a check, secrets and all, wherever it lay: the user of a unit may be another one since. For the start, when nothing
 * is checked. What cannot be removed is written over by the next check.
 */
export function clearCandidates({ stateDir, unit, configPath }: Omit<CandidateFile, 'text'>): void {
  for (const path of [besideState(stateDir, unit.id, configPath), besideConfig(configPath)]) {
    removeTemporaries(dirname(path), basename(path));
    try {
      rmSync(path, { force: true });
    } catch {
      // See above.
    }
  }
}

/** One that the agent made would be its own, and closed to another user. Throws CONFIG_NOT_WRITTEN. */
function assertDirectory(directory: string, { id, user, group }: CandidateFile['unit']): void {
  if (existsSync(directory)) return;
  const who = user ?? `the group ${group}`;
  throw new AgentError('CONFIG_NOT_WRITTEN', `${directory} is not there; make it so that ${who} can read it. Nothing was changed`, {
    metadata: { process_id: id, file: directory },
  });
}

/** Throws DISK_FULL or CONFIG_NOT_WRITTEN. */
function lay(path: string, file: CandidateFile): void {
  try {
    // A unit that was never started has no directory yet.
    if (!changesUser(file.unit)) prepareDirectory(runFiles(file.stateDir, file.unit.id));
    else assertDirectory(dirname(path), file.unit);
    writeFileAtomic(path, file.text);
    giveToOwner(path, file);
  } catch (error) {
    throw error instanceof AgentError ? error : notWritten(path, error);
  }
}

/** Another user cannot look into the agent's own directory: for it the candidate lies beside the config itself. */
function pathOf({ stateDir, unit, configPath }: CandidateFile): string {
  return changesUser(unit) ? besideConfig(configPath) : besideState(stateDir, unit.id, configPath);
}

function besideState(stateDir: string, id: string, configPath: string): string {
  return join(runFiles(stateDir, id).directory, `candidate${extname(configPath)}`);
}

function besideConfig(configPath: string): string {
  const ending = extname(configPath);
  return join(dirname(configPath), `.${basename(configPath, ending)}.candidate${ending}`);
}

/** A config that was written where there was none belongs to the user of its engine, who could not read it otherwise. */
export function giveNewConfig(path: string, unit: CandidateFile['unit']): void {
  const owner = changesUser(unit) ? identityOf(unit) : undefined;
  if (owner !== undefined) chownSync(path, owner.uid, owner.gid);
}

function giveToOwner(path: string, { unit, configPath }: CandidateFile): void {
  const present = statSync(configPath, { throwIfNoEntry: false });
  const owner = changesUser(unit) ? identityOf(unit) : present;
  if (owner !== undefined && owner.uid !== process.geteuid?.()) chownSync(path, owner.uid, owner.gid);
}
