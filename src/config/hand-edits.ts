import { isEmptied } from '../documents/index.ts';
import { RefusedError } from '../kernel/errors.ts';
import { type LoadedSettings, readConfigFile } from '../settings/index.ts';
import { type ActiveConfig, type JudgedChange, unitsStopped } from './active-config.ts';
import { changesBetween } from './changes.ts';
import { adopt, type CommitDeps } from './commit.ts';
import type { Judged } from './judge.ts';
import type { Author, ConfigChange } from './types.ts';

/** Changes that come by the files. */
export interface HandEdits {
  /** Judges the files and applies them. Throws AgentError; what is refused leaves the old ones in effect. */
  read(author: Author): Promise<ConfigChange>;
  /** Reads them where they are neither in effect nor refused yet. Answers how long they must have been still, where that is longer. Never throws. */
  readNew(stillMs: number): Promise<number>;
}

const nobody: Author = { name: 'file', reason: '', traceId: '' };
const mostTries = 5;
/** What stops a running unit must not come from a file that is being written. */
const stoppingMs = 5000;

export function createHandEdits(options: {
  readonly active: ActiveConfig;
  readonly boot: LoadedSettings;
  readonly running: () => ReadonlySet<string>;
  readonly deps: CommitDeps;
}): HandEdits {
  const { active, boot, running, deps } = options;
  const judged = (): Judged => judgeFiles(deps);
  const apply = async (next: Judged, author: Author): Promise<ConfigChange> => {
    const before = active.current;
    const { removed } = unitsStopped(before.loaded, next.loaded, running());
    const change: JudgedChange = { next, changes: changesBetween(before, next, boot), author, stoppedUnits: removed };
    await adopt(before, change, deps);
    return active.take(change);
  };
  return {
    async read(author) {
      try {
        return await apply(judged(), author);
      } catch (error) {
        throw active.refuse(error, author);
      }
    },
    async readNew(stillMs) {
      const files = active.files();
      if (files === 'same') active.heal();
      if (files === 'same' || files === 'refused') return 0;
      try {
        const next = judged();
        const { removed, changed } = unitsStopped(active.current.loaded, next.loaded, running());
        if (removed.length + changed.length > 0 && stillMs < stoppingMs) return stoppingMs;
        await apply(next, nobody);
      } catch (error) {
        const refusal = active.refuse(error, nobody);
        deps.logger.debug({ err: refusal }, 'files of the configuration were not taken up');
      }
      return 0;
    },
  };
}

/** A load and the texts that it saw: read again while somebody writes. Throws RefusedError, also for a file that was emptied. */
function judgeFiles({ document, load }: CommitDeps): Judged {
  for (let tries = 1; ; tries++) {
    const loaded = load();
    const texts = new Map(loaded.paths.map((path) => [path, readConfigFile(path)]));
    refuseEmptied(isEmptied(texts, document.head));
    if (tries === mostTries) return { loaded, texts };
    try {
      // What was loaded is what these texts say.
      if (load(texts).etag === loaded.etag) return { loaded, texts };
    } catch {
      // Somebody writes: once more.
    }
  }
}

/** @throws RefusedError */
export function refuseEmptied(file: string | undefined): void {
  if (file === undefined) return;
  const message = 'the file is empty, which nobody means; write {} for a configuration without keys';
  throw new RefusedError(`${file}: ${message}`, { problems: [{ path: '', file, line: 0, rule: 'unfit', message }] });
}
