import { join } from 'node:path';
import { AgentError, RefusedError } from '../kernel/errors.ts';
import type { LoadedSettings } from '../settings/index.ts';
import { changesBetween } from './changes.ts';
import { type Change, type CommitDeps, commit } from './commit.ts';
import { printOfDisk } from './disk.ts';
import type { InForce } from './in-force.ts';
import type { Judged } from './judge.ts';
import { keepOverwritten } from './overwritten.ts';
import { backupDir } from './pending.ts';
import { configInvalid, problemsOf } from './refusals.ts';
import type { Tell } from './tell.ts';
import type { Author, ConfigChange } from './types.ts';

export interface Put {
  readonly author: Author;
  readonly validateOnly?: boolean;
  /** The revision that is put back. */
  readonly restored?: number;
}

/** No fault of the document. */
const untold: ReadonlySet<string> = new Set(['CONFIG_NOT_WRITTEN', 'DISK_FULL', 'ETAG_STALE', 'INVALID_REQUEST']);

/** Judges, compares, writes and applies. Throws AgentError, and what is refused is told unless it was a question alone. */
export function createOverApi(options: {
  readonly inForce: InForce;
  readonly files: () => readonly string[];
  readonly boot: LoadedSettings;
  readonly deps: CommitDeps;
  readonly tell: Tell;
}): (judge: () => Judged, put: Put) => Promise<ConfigChange> {
  const { inForce, files, boot, deps, tell } = options;
  const change = async (judge: () => Judged, { author, validateOnly = false, restored }: Put): Promise<ConfigChange> => {
    const before = inForce.current;
    const print = printOfDisk(files());
    const next = judge();
    // What was judged at length does not hold up everybody while it is compared.
    await deps.clock.sleep(0);
    const changes = changesBetween(before, next, boot);
    const same = [...next.texts].every(([path, text]) => before.texts.get(path) === text);
    if (validateOnly || same) return inForce.answer(changes);
    if (printOfDisk(files()) !== print) throw new AgentError('ETAG_STALE', 'the files were changed by hand at the same moment');
    // A hand edit that was refused is overwritten now: it is lost to nobody.
    if (inForce.disk() === 'refused') {
      const copies = keepOverwritten(join(backupDir(deps.stateDir), 'overwritten'), files(), before.texts);
      deps.logger.warn({ author: author.name, copies }, 'a refused hand edit of the configuration is overwritten; here is a copy of it');
    }
    const made: Change = { before, next, changes, author };
    return inForce.take(await commit(made, deps), made, restored);
  };
  return async (judge, put) => {
    try {
      return await change(judge, put);
    } catch (error) {
      const told = error instanceof RefusedError ? configInvalid(problemsOf(error), error) : error;
      if (told instanceof AgentError && !untold.has(told.reason) && put.validateOnly !== true) tell.rejected(told, put.author);
      throw told;
    }
  };
}
