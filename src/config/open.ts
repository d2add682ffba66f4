import type { Journal } from '../events/index.ts';
import type { JsonObject } from '../events/types.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError, RefusedError } from '../kernel/errors.ts';
import { createKeyedLock } from '../kernel/keyed-lock.ts';
import type { LoadedSettings } from '../settings/index.ts';
import type { Store } from '../store/index.ts';
import type { Logger } from '../telemetry/types.ts';
import { openBackups } from './backups.ts';
import { changesBetween } from './changes.ts';
import { adopt, type Change, type CommitDeps, type Current, commit } from './commit.ts';
import { printOfDisk, printOfTexts, readTexts } from './disk.ts';
import { createFollower } from './follow.ts';
import { type Judged, judgeAlone, judgeCandidate, type Load } from './judge.ts';
import { createNote } from './note.ts';
import { backupDir } from './pending.ts';
import { configInvalid, problemsOf } from './refusals.ts';
import { judgeRevision } from './restored.ts';
import { openRevisions } from './revisions.ts';
import { recordStart } from './start.ts';
import { tellJournal } from './tell.ts';
import { shownYaml } from './texts.ts';
import type { Author, ConfigChange, ConfigManager, KeyChange } from './types.ts';

export interface ConfigOptions {
  /** Reads and judges the configuration as the start does; `texts` stand in for files. Throws RefusedError with its problems. */
  readonly load: Load;
  /** What the agent was started with. */
  readonly first: LoadedSettings;
  /** Puts into effect what is live; throws before anything was changed, or not at all. */
  readonly apply: (next: LoadedSettings) => Promise<void>;
  /** The files that a load would read now (`configFiles`): may throw. Default: those of the configuration in force. */
  readonly files?: () => readonly string[];
  readonly store: Store;
  readonly journal: Pick<Journal, 'emit'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stateDir: string;
  /** `agent.auto_reload` in force. */
  readonly autoReload: () => boolean;
}

export type OpenConfig = ConfigManager & {
  /** Follows the files. */
  start(): void;
  /** Lets a change that is under way end. */
  stop(): Promise<void>;
};

const byHand: Author = { name: 'file', reason: '', traceId: '' };
const lockKey = 'config';

/** Throws RefusedError where the files cannot be read any more. */
export async function openConfig(options: ConfigOptions): Promise<OpenConfig> {
  const { load, first, clock, logger, stateDir, autoReload } = options;
  const revisions = openRevisions(options.store, openBackups(backupDir(stateDir)));
  const tell = tellJournal(options.journal);
  const deps: CommitDeps = { stateDir, revisions, apply: options.apply, clock, logger };
  const lock = createKeyedLock();
  const { note, health } = createNote(clock);
  let current = await recordStart({ first, texts: readTexts(first.paths), load, revisions, tell, clock, logger, stateDir });
  let shown = { etag: '', yaml: '' };
  /** The state of the files that is in force, and the last one that was refused. */
  let goodPrint = printOfTexts(current.texts);
  let refusedPrint = '';

  const files = (): readonly string[] => {
    try {
      return options.files?.() ?? current.loaded.paths;
    } catch {
      return current.loaded.paths;
    }
  };
  const heal = (): void => {
    goodPrint = printOfTexts(current.texts);
    refusedPrint = '';
    note('');
  };
  const answer = (changes: readonly KeyChange[]): ConfigChange => ({
    revision: current.revision,
    etag: current.etag,
    changes,
    restartRequired: changes.some(({ effect }) => effect === 'RESTART_REQUIRED'),
  });
  const done = (next: Current, { changes, author }: Change, restored?: number): ConfigChange => {
    current = next;
    heal();
    const { revision } = current;
    if (changes.some(({ effect }) => effect !== 'UNCHANGED')) tell.applied({ revision, changes }, author, restored);
    logger.info({ revision, author: author.name, keys: changes.map(({ path }) => path).slice(0, 100) }, 'configuration changed');
    return answer(changes);
  };
  const managed = (): void => {
    if (current.texts.size > 0) return;
    throw new AgentError('CONFIG_NOT_MANAGED', 'the agent runs without a configuration file, so there is none to change');
  };

  /** A load and the texts that it saw: read again while somebody writes. */
  const loadFromDisk = (): Judged => {
    for (let tries = 0; ; tries++) {
      const before = printOfDisk(files());
      const loaded = load();
      const texts = readTexts(loaded.paths);
      if (tries === 4 || printOfDisk(files()) === before) return { loaded, texts };
    }
  };
  const refuseFiles = (error: unknown, author: Author): AgentError => {
    const told = error instanceof AgentError ? error : configInvalid(problemsOf(error), error);
    const print = printOfDisk(files());
    if (print === refusedPrint) return told;
    refusedPrint = print;
    note(`The configuration was changed by hand and refused, the old one is in force: ${told.message}`);
    logger.warn({ problem: told.message }, 'configuration refused; the old one stays in force');
    tell.rejected(told, author);
    return told;
  };
  const readAgain = async (author: Author): Promise<ConfigChange> => {
    try {
      const next = loadFromDisk();
      const changes = changesBetween(current, next, first);
      const change = { before: current, next, changes, author };
      const adopted = await adopt(change, deps);
      if (adopted.etag !== current.etag || changes.length > 0) return done(adopted, change);
      current = adopted;
      heal();
      return answer([]);
    } catch (error) {
      throw refuseFiles(error, author);
    }
  };
  /** What was edited by hand is taken up before it could be overwritten; what is broken there stays refused. */
  const catchUp = async (): Promise<void> => {
    const print = printOfDisk(files());
    if (print === refusedPrint || print === goodPrint) return;
    await readAgain(byHand).catch((error: unknown) => logger.debug({ err: error }, 'files are not fit to be taken up'));
  };
  const put = async (
    judge: () => Judged,
    { author, validateOnly = false, restored }: { author: Author; validateOnly?: boolean; restored?: number },
  ) => {
    let change: Change | undefined;
    try {
      const next = judge();
      // What was judged at length does not hold up everybody while it is compared.
      await clock.sleep(0);
      const changes = changesBetween(current, next, first);
      change = { before: current, next, changes, author };
      const same = [...next.texts].every(([path, text]) => current.texts.get(path) === text);
      if (validateOnly || same) return answer(changes);
      return done(await commit(change, deps), change, restored);
    } catch (error) {
      const told = error instanceof RefusedError ? configInvalid(problemsOf(error), error) : error;
      const refused =
        told instanceof AgentError && (told.reason === 'CONFIG_INVALID' || (change !== undefined && told.reason !== 'CONFIG_NOT_WRITTEN'));
      if (refused && !validateOnly) tell.rejected(told, author);
      throw told;
    }
  };

  /** The files are another than they were. */
  const onFiles = (): void => {
    void lock
      .run(lockKey, async () => {
        if (!autoReload()) return;
        const print = printOfDisk(files());
        if (print === goodPrint) heal();
        else if (print !== refusedPrint) await readAgain(byHand);
      })
      .catch((error: unknown) => logger.debug({ err: error }, 'files of the configuration were not taken up'));
  };
  const follower = createFollower({ files, clock, changed: onFiles });

  return {
    get() {
      const { loaded, revision, etag, timeMs, texts } = current;
      if (shown.etag !== etag) shown = { etag, yaml: shownYaml(texts) };
      return { document: loaded.document as JsonObject, sources: loaded.sources, revision, etag, timeMs, yaml: shown.yaml };
    },
    update: (candidate, { mask, etag, validateOnly, author }) =>
      lock.run(lockKey, async () => {
        managed();
        if (!validateOnly || autoReload()) await catchUp();
        if (etag !== '' && etag !== current.etag) {
          throw new AgentError('ETAG_STALE', `the configuration is another than that of etag ${etag}`, {
            metadata: { etag: current.etag },
          });
        }
        return put(() => judgeCandidate(candidate, mask, { base: current, load }), { author, validateOnly });
      }),
    reload: (author) => lock.run(lockKey, () => readAgain(author)),
    validate(candidate) {
      try {
        if (current.texts.size === 0) judgeAlone(candidate, load);
        else judgeCandidate(candidate, [], { base: current, load });
        return [];
      } catch (error) {
        return problemsOf(error);
      }
    },
    revisions: (page) => revisions.list(page),
    rollback: (revision, author) =>
      lock.run(lockKey, async () => {
        managed();
        await catchUp();
        const texts = await revisions.texts(revision);
        return put(() => judgeRevision(texts, { base: current, load }), { author, restored: revision });
      }),
    health,
    start: () => follower.start(),
    async stop() {
      follower.stop();
      await lock.run(lockKey, async () => {});
    },
  };
}
