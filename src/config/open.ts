import type { Journal } from '../events/index.ts';
import type { JsonObject } from '../events/types.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError, type Problem } from '../kernel/errors.ts';
import { createKeyedLock } from '../kernel/keyed-lock.ts';
import { createNote } from '../kernel/note.ts';
import type { LoadedSettings } from '../settings/index.ts';
import type { Store } from '../store/index.ts';
import type { Logger } from '../telemetry/types.ts';
import { openBackups } from './backups.ts';
import { createByHand } from './by-hand.ts';
import type { CommitDeps, Current } from './commit.ts';
import { readTexts } from './disk.ts';
import { createFollower } from './follow.ts';
import { createInForce, type InForce } from './in-force.ts';
import { judgeAlone, judgeCandidate, type Load } from './judge.ts';
import { allowed } from './key-authority.ts';
import { createOverApi } from './over-api.ts';
import { backupDir } from './pending.ts';
import { problemsOf } from './refusals.ts';
import { judgeRevision } from './restored.ts';
import { openRevisions } from './revisions.ts';
import { recordStart } from './start.ts';
import { tellJournal } from './tell.ts';
import { shownYaml } from './texts.ts';
import type { AgentConfig, Candidate, ConfigManager } from './types.ts';

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

const lockKey = 'config';

/** Throws RefusedError where the files cannot be read any more. */
export async function openConfig(options: ConfigOptions): Promise<OpenConfig> {
  const { load, first: boot, apply, clock, logger, stateDir, autoReload } = options;
  const revisions = openRevisions(options.store, openBackups(backupDir(stateDir)));
  const tell = tellJournal(options.journal);
  const { note, health } = createNote(clock);
  const start = await recordStart({ first: boot, texts: readTexts(boot.paths), load, revisions, tell, clock, logger, stateDir });
  const filesNow = filesOf(options);
  const inForce = createInForce(start, { files: filesNow, note, tell, logger });
  const files = (): readonly string[] => filesNow(inForce.current);
  const deps: CommitDeps = { stateDir, revisions, load, apply, clock, logger };
  const byHand = createByHand({ inForce, files, boot, deps });
  const put = createOverApi({ inForce, files, boot, deps, tell });
  const lock = createKeyedLock();
  const alone = <T>(run: () => Promise<T>): Promise<T> => lock.run(lockKey, run);
  const follower = createFollower({
    files,
    clock,
    changed: () => void alone(async () => (autoReload() ? byHand.readNew() : undefined)),
  });
  return {
    get: shownConfig(inForce),
    update: (candidate, { mask, etag, validateOnly, author, caller }) =>
      alone(async () => {
        assertManaged(inForce.current);
        // What was edited by hand is taken up before it could be overwritten; what is broken there stays refused.
        if (!validateOnly || autoReload()) await byHand.readNew();
        assertEtag(etag, inForce.current);
        return put(() => allowed(() => judgeCandidate(candidate, mask, { base: inForce.current, load }), inForce.current, caller), {
          author,
          validateOnly,
        });
      }),
    reload: (author) => alone(() => byHand.read(author)),
    validate: (candidate) => validate(candidate, { base: inForce.current, load }),
    revisions: (page) => revisions.list(page),
    rollback: (revision, author, caller) =>
      alone(async () => {
        assertManaged(inForce.current);
        await byHand.readNew();
        const texts = await revisions.texts(revision);
        return put(() => allowed(() => judgeRevision(texts, { base: inForce.current, load }), inForce.current, caller), {
          author,
          restored: revision,
        });
      }),
    health,
    start: () => follower.start(),
    async stop() {
      follower.stop();
      await alone(async () => {});
    },
  };
}

/** The files that there are to read; where that cannot be told, those in force. */
function filesOf({ files }: ConfigOptions): (current: Current) => readonly string[] {
  return ({ loaded }) => {
    try {
      return files?.() ?? loaded.paths;
    } catch {
      return loaded.paths;
    }
  };
}

function assertManaged({ texts }: Current): void {
  if (texts.size > 0) return;
  throw new AgentError('CONFIG_NOT_MANAGED', 'the agent runs without a configuration file, so there is none to change');
}

function assertEtag(etag: string, current: Current): void {
  if (etag === '' || etag === current.etag) return;
  throw new AgentError('ETAG_STALE', `the configuration is another than that of etag ${etag}`, { metadata: { etag: current.etag } });
}

function validate(candidate: Candidate, { base, load }: { readonly base: Current; readonly load: Load }): readonly Problem[] {
  try {
    if (base.texts.size === 0) judgeAlone(candidate, load);
    else judgeCandidate(candidate, [], { base, load });
    return [];
  } catch (error) {
    return problemsOf(error);
  }
}

/** Masking reads the files' syntax: done once a state. */
function shownConfig(inForce: InForce): () => AgentConfig {
  let shown = { etag: '', yaml: '' };
  return () => {
    const { loaded, revision, etag, timeMs, texts } = inForce.current;
    if (shown.etag !== etag) shown = { etag, yaml: shownYaml(texts) };
    return { document: loaded.document as JsonObject, sources: loaded.sources, revision, etag, timeMs, yaml: shown.yaml };
  };
}
