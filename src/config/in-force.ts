import { AgentError } from '../kernel/errors.ts';
import type { createNote } from '../kernel/note.ts';
import type { Logger } from '../telemetry/types.ts';
import type { Change, Current } from './commit.ts';
import { printOfDisk, printOfTexts } from './disk.ts';
import { configInvalid, problemsOf } from './refusals.ts';
import type { Tell } from './tell.ts';
import type { Author, ConfigChange, KeyChange } from './types.ts';

/** The configuration in force, and what became of the last state of the files that was looked at. */
export interface InForce {
  readonly current: Current;
  /** The files as they are on the disk: in force, refused already, or not judged yet. */
  disk(): 'good' | 'refused' | 'new';
  /** Takes what was applied and tells it. `restored` is the revision that it came from. */
  take(next: Current, change: Change, restored?: number): ConfigChange;
  /** Takes what differs in nothing that is obeyed. */
  keep(next: Current): ConfigChange;
  /** Files that were changed by hand and are not fit: told once a state. Answers what to throw. */
  refuse(error: unknown, author: Author): AgentError;
  answer(changes: readonly KeyChange[]): ConfigChange;
  heal(): void;
}

export interface InForceOptions {
  readonly files: (current: Current) => readonly string[];
  readonly note: ReturnType<typeof createNote>['note'];
  readonly tell: Tell;
  readonly logger: Logger;
}

export function createInForce(start: Current, { files, note, tell, logger }: InForceOptions): InForce {
  let current = start;
  let goodPrint = printOfTexts(start.texts);
  let refusedPrint = '';
  const print = (): string => printOfDisk(files(current));
  const heal = (): void => {
    goodPrint = printOfTexts(current.texts);
    refusedPrint = '';
    note('');
  };
  const answer: InForce['answer'] = (changes) => {
    const { revision, etag } = current;
    return { revision, etag, changes, restartRequired: changes.some(({ effect }) => effect === 'RESTART_REQUIRED') };
  };
  const keep: InForce['keep'] = (next) => {
    current = next;
    heal();
    return answer([]);
  };
  return {
    get current() {
      return current;
    },
    disk() {
      const now = print();
      return now === goodPrint ? 'good' : now === refusedPrint ? 'refused' : 'new';
    },
    take(next, { changes, author }, restored) {
      keep(next);
      const { revision } = next;
      if (changes.some(({ effect }) => effect !== 'UNCHANGED')) tell.applied({ revision, changes }, author, restored);
      logger.info({ revision, author: author.name, keys: changes.map(({ path }) => path).slice(0, 100) }, 'configuration changed');
      return answer(changes);
    },
    keep,
    refuse(error, author) {
      const told = error instanceof AgentError ? error : configInvalid(problemsOf(error), error);
      const now = print();
      if (now === refusedPrint) return told;
      refusedPrint = now;
      note(`The configuration was changed by hand and refused, the old one is in force: ${told.message}`);
      logger.warn({ problem: told.message }, 'configuration refused; the old one stays in force');
      tell.rejected(told, author);
      return told;
    },
    answer,
    heal,
  };
}
