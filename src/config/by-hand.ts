import type { LoadedSettings } from '../settings/index.ts';
import { changesBetween } from './changes.ts';
import { adopt, type CommitDeps } from './commit.ts';
import { printOfDisk, readTexts } from './disk.ts';
import type { InForce } from './in-force.ts';
import type { Judged } from './judge.ts';
import type { Author, ConfigChange } from './types.ts';

/** Changes that come by the files. */
export interface ByHand {
  /** Judges the files and applies them. Throws AgentError; what is refused leaves the old ones in force. */
  read(author: Author): Promise<ConfigChange>;
  /** Reads them where they are neither in force nor refused yet; never throws. */
  readNew(): Promise<void>;
}

const nobody: Author = { name: 'file', reason: '', traceId: '' };
const mostTries = 5;

export function createByHand(options: {
  readonly inForce: InForce;
  readonly files: () => readonly string[];
  readonly boot: LoadedSettings;
  readonly deps: CommitDeps;
}): ByHand {
  const { inForce, files, boot, deps } = options;
  /** A load and the texts that it saw: read again while somebody writes. */
  const judged = (): Judged => {
    for (let tries = 1; ; tries++) {
      const before = printOfDisk(files());
      const loaded = deps.load();
      const texts = readTexts(loaded.paths);
      if (tries === mostTries || printOfDisk(files()) === before) return { loaded, texts };
    }
  };
  const read: ByHand['read'] = async (author) => {
    try {
      const before = inForce.current;
      const next = judged();
      const changes = changesBetween(before, next, boot);
      const change = { before, next, changes, author };
      const adopted = await adopt(change, deps);
      return adopted.etag !== before.etag || changes.length > 0 ? inForce.take(adopted, change) : inForce.keep(adopted);
    } catch (error) {
      throw inForce.refuse(error, author);
    }
  };
  return {
    read,
    async readNew() {
      const disk = inForce.disk();
      if (disk === 'good') inForce.heal();
      if (disk !== 'new') return;
      await read(nobody).catch((error: unknown) => deps.logger.debug({ err: error }, 'files of the configuration were not taken up'));
    },
  };
}
