import { chownSync, rmSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { writeFileAtomic } from '../../kernel/atomic-file.ts';
import { runFiles } from '../unit-record.ts';

export interface CandidateFile {
  readonly stateDir: string;
  /** Of the process. */
  readonly id: string;
  /** The file that it is meant for: the candidate gets its ending, and its owner. */
  readonly configPath: string;
  readonly text: string;
}

/** Lays a candidate where only the engine's own user can read it, for as long as `use` needs it. */
export async function withCandidateFile<T>(
  { stateDir, id, configPath, text }: CandidateFile,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(runFiles(stateDir, id).directory, `candidate${extname(configPath)}`);
  writeFileAtomic(path, text);
  try {
    const owner = statSync(configPath, { throwIfNoEntry: false });
    if (owner !== undefined && owner.uid !== process.geteuid?.()) chownSync(path, owner.uid, owner.gid);
    return await use(path);
  } finally {
    rmSync(path, { force: true });
  }
}
