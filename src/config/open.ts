import { join } from 'node:path';
import { finishFiles, openDocument } from '../documents/index.ts';
import type { Journal } from '../events/index.ts';
import type { JsonObject } from '../events/types.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError, type Problem } from '../kernel/errors.ts';
import { createFollower } from '../kernel/follow-files.ts';
import { createNote } from '../kernel/note.ts';
import { type LoadedSettings, readConfigFile } from '../settings/index.ts';
import type { OpenStore } from '../store/index.ts';
import type { Logger } from '../telemetry/types.ts';
import { type ActiveConfig, type Current, createActiveConfig } from './active-config.ts';
import { createApiEdits } from './api-edits.ts';
import type { CommitDeps } from './commit.ts';
import { createConfigEvents } from './events.ts';
import { createHandEdits } from './hand-edits.ts';
import { judgeAlone, judgeCandidate, type Load } from './judge.ts';
import { allowed } from './key-authority.ts';
import { problemsOf } from './refusals.ts';
import { judgeRevision } from './restored.ts';
import { configRevision } from './revision.ts';
import { shownYaml } from './shown.ts';
import { recordStart } from './start.ts';
import type { AgentConfig, Candidate, ConfigManager } from './types.ts';

export interface ConfigOptions {
  /** Reads and judges the configuration as the start does; `texts` stand in for files. Throws RefusedError with its problems. */
  readonly load: Load;
  /** What the agent was started with. */
  readonly first: LoadedSettings;
  /** Puts into effect what is live; throws before anything was changed, or not at all. */
  readonly apply: (next: LoadedSettings) => Promise<void>;
  /** The files that a load would read now (`configFiles`): may throw. Default: those of the configuration that is obeyed. */
  readonly files?: () => readonly string[];
  readonly store: OpenStore;
  readonly journal: Pick<Journal, 'emit'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stateDir: string;
  /** `agent.auto_reload` in effect. */
  readonly autoReload: () => boolean;
  /** `agent.reload_delay` in effect. */
  readonly reloadDelayMs: () => number;
  /** Ids of units that run. Default: none. */
  readonly running?: () => ReadonlySet<string>;
}

export type OpenConfig = ConfigManager & {
  /** Follows the files. */
  start(): void;
  /** Lets a change that is under way end. */
  stop(): Promise<void>;
};

/** Revisions that are kept. */
const kept = 100;

function backupDirOf(stateDir: string): string {
  return join(stateDir, 'backups', 'agent');
}

/** Finishes the change that a death of the agent interrupted, before the settings are read from `paths`. Throws the file system's error. */
export function finishPending(stateDir: string, paths: readonly string[]): void {
  finishFiles(backupDirOf(stateDir), paths);
}

/** Throws RefusedError where the files cannot be read any more. */
export async function openConfig(options: ConfigOptions): Promise<OpenConfig> {
  const { load, first: boot, apply, store, clock, logger, autoReload, running = () => new Set() } = options;
  const backupDir = backupDirOf(options.stateDir);
  const events = createConfigEvents(options.journal);
  const { note, health } = createNote(clock);
  let active: ActiveConfig | undefined;
  const files = (): readonly string[] => filesNow(options, active?.current.loaded ?? boot);
  const document = await openDocument({
    ...{ name: { kind: 'agent', id: '' }, files, backupDir, store, clock, logger, keep: kept },
    read: readConfigFile,
  });
  const texts = new Map(boot.paths.map((path) => [path, readConfigFile(path)]));
  await recordStart({ document, first: boot, texts, load, events, logger });
  const config = createActiveConfig({ document, loaded: boot, note, events, logger });
  active = config;
  const deps: CommitDeps = { document, load, apply, logger };
  const handEdits = createHandEdits({ active: config, boot, running, deps });
  const edit = createApiEdits({ active: config, boot, running, deps, events, backupDir });
  const follower = createFollower({
    clock,
    documents: () => [followed],
    delayMs: options.reloadDelayMs,
  });
  const followed = { files, take: (stillMs: number) => document.run(async () => (autoReload() ? handEdits.readNew(stillMs) : 0)) };
  return {
    get: shownConfig(config),
    update: (candidate, { mask, etag, validateOnly, author, caller }) =>
      document.run(async () => {
        assertManaged(config.current);
        // What was edited by hand is taken up before it could be overwritten; what is broken there stays refused.
        if (!validateOnly || autoReload()) await handEdits.readNew(Number.POSITIVE_INFINITY);
        document.assertEtag(etag);
        const judge = () => judgeCandidate(candidate, mask, { base: config.current, load });
        return edit(() => allowed(judge, config.current, caller), { author, validateOnly });
      }),
    reload: (author) => document.run(() => handEdits.read(author)),
    validate: (candidate) => validate(candidate, { base: config.current, load }),
    revisions: async (page) => (await document.revisions(page)).map(configRevision),
    rollback: (revision, author, caller) =>
      document.run(async () => {
        assertManaged(config.current);
        await handEdits.readNew(Number.POSITIVE_INFINITY);
        const texts = await document.texts(revision);
        const judge = () => judgeRevision(texts, { base: config.current, load });
        return edit(() => allowed(judge, config.current, caller), { author, restored: revision });
      }),
    health,
    start: () => follower.start(),
    async stop() {
      await follower.stop();
      await document.run(async () => {});
    },
  };
}

/** The files that there are to read; where that cannot be told, those in effect. */
function filesNow({ files }: ConfigOptions, { paths }: LoadedSettings): readonly string[] {
  try {
    return files?.() ?? paths;
  } catch {
    return paths;
  }
}

function assertManaged({ texts }: Current): void {
  if (texts.size > 0) return;
  throw new AgentError('CONFIG_NOT_MANAGED', 'the agent runs without a configuration file, so there is none to change');
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
function shownConfig(active: ActiveConfig): () => AgentConfig {
  let shown = { etag: '', yaml: '' };
  return () => {
    const { loaded, revision, etag, timeMs, texts } = active.current;
    if (shown.etag !== etag) shown = { etag, yaml: shownYaml(texts) };
    return { document: loaded.document as JsonObject, sources: loaded.sources, revision, etag, timeMs, yaml: shown.yaml };
  };
}
