import { join } from 'node:path';
import { keepOverwritten, sameTexts } from '../documents/index.ts';
import { AgentError, RefusedError } from '../kernel/errors.ts';
import type { LoadedSettings } from '../settings/index.ts';
import { type ActiveConfig, type JudgedChange, unitsStopped } from './active-config.ts';
import { changesBetween } from './changes.ts';
import { type CommitDeps, commit } from './commit.ts';
import type { ConfigEvents } from './events.ts';
import type { Judged } from './judge.ts';
import { configInvalid, problemsOf } from './refusals.ts';
import type { Author, ConfigChange } from './types.ts';

export interface ApiEdit {
  readonly author: Author;
  readonly validateOnly?: boolean;
  /** The revision that is put back. */
  readonly restored?: number;
}

export interface ApiEditsOptions {
  readonly active: ActiveConfig;
  readonly boot: LoadedSettings;
  readonly running: () => ReadonlySet<string>;
  readonly deps: CommitDeps;
  readonly events: ConfigEvents;
  readonly backupDir: string;
}

/** No fault of the document. */
const untold: ReadonlySet<string> = new Set(['CONFIG_NOT_WRITTEN', 'DISK_FULL', 'ETAG_STALE', 'INVALID_REQUEST']);

/** Judges, compares, writes and applies. Throws AgentError, and what is refused is told unless it was a question alone. */
export function createApiEdits(options: ApiEditsOptions): (judge: () => Judged, edit: ApiEdit) => Promise<ConfigChange> {
  const { active, boot, running, deps, events } = options;
  const change = async (judge: () => Judged, { author, validateOnly = false, restored }: ApiEdit): Promise<ConfigChange> => {
    const before = active.current;
    const seen = deps.document.disk();
    const next = judge();
    const changes = changesBetween(before, next, boot);
    if (validateOnly || sameTexts(next.texts, before.texts)) return active.answer(changes);
    const now = deps.document.disk();
    if (now.kind !== seen.kind || (now.kind !== 'same' && seen.kind !== 'same' && now.print !== seen.print)) {
      throw new AgentError('ETAG_STALE', 'the files were changed by hand at the same moment');
    }
    if (active.files() === 'refused') keepRefused(options, author);
    const { removed } = unitsStopped(before.loaded, next.loaded, running());
    const made: JudgedChange = { next, changes, author, stoppedUnits: removed };
    await commit(before, made, deps);
    return active.take(made, restored);
  };
  return async (judge, edit) => {
    try {
      return await change(judge, edit);
    } catch (error) {
      const refusal = error instanceof RefusedError ? configInvalid(problemsOf(error), error) : error;
      if (refusal instanceof AgentError && !untold.has(refusal.reason) && edit.validateOnly !== true) events.rejected(refusal, edit.author);
      throw refusal;
    }
  };
}

/** A hand edit that was refused is overwritten now: it is lost to nobody. */
function keepRefused({ active, deps, backupDir }: ApiEditsOptions, author: Author): void {
  const { texts } = active.current;
  const copies = keepOverwritten(join(backupDir, 'overwritten'), [...texts.keys()], texts);
  deps.logger.warn({ author: author.name, copies }, 'a refused hand edit of the configuration is overwritten; here is a copy of it');
}
