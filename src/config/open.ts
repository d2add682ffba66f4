import { join } from 'node:path';
import { finishFiles, openDocument, type Revision } from '../documents/index.ts';
import type { Journal } from '../events/index.ts';
import type { JsonObject } from '../events/types.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { createFollower } from '../kernel/follow-files.ts';
import { createNote } from '../kernel/note.ts';
import { type LoadedSettings, readConfigFile } from '../settings/index.ts';
import type { OpenStore } from '../store/index.ts';
import type { Logger } from '../telemetry/types.ts';
import { editConfig, judgeRevision, judgeUpdate } from './api-edits.ts';
import { changesIn } from './changes.ts';
import { createConfigEvents } from './events.ts';
import { readFiles, readNewFiles, recordStart } from './hand-edits.ts';
import { problemsIn } from './judge.ts';
import { type ConfigRoom, currentOf, type Load } from './room.ts';
import { shownYaml } from './shown.ts';
import type { AgentConfig, ConfigManager, ConfigRevision } from './types.ts';

export interface ConfigOptions {
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
  const { clock, autoReload, load } = options;
  const { note, health } = createNote(clock);
  const room = await openRoom(options, note);
  const { document } = room;
  const follower = createFollower({ clock, documents: () => [followed], delayMs: options.reloadDelayMs });
  const followed = {
    files: () => filesNow(options, room.loaded),
    take: (stillMs: number) => document.run(async () => (autoReload() ? readNewFiles(room, stillMs) : 0)),
  };
  return {
    get: shownConfig(room),
    update: (candidate, { mask, etag, ...edit }) =>
      document.run(async () => {
        assertManaged(room);
        // What was edited by hand is taken up before it could be overwritten; what is broken there stays refused.
        if (!edit.validateOnly || autoReload()) await readNewFiles(room);
        document.assertEtag(etag);
        return editConfig(room, () => judgeUpdate(room, candidate, mask), { caller: undefined, ...edit });
      }),
    reload: (author) => document.run(() => readFiles(room, author)),
    validate: (candidate) => problemsIn(candidate, { current: currentOf(room), load }),
    revisions: async (page) => (await document.revisions(page)).map(configRevision),
    rollback: (revision, author, caller) =>
      document.run(async () => {
        assertManaged(room);
        await readNewFiles(room);
        const texts = await document.texts(revision);
        return editConfig(room, () => judgeRevision(room, texts), { author, caller, restored: revision });
      }),
    health,
    start: () => follower.start(),
    async stop() {
      await follower.stop();
      await document.run(async () => {});
    },
  };
}

/** The document with what is in effect at the start as its head. */
async function openRoom(options: ConfigOptions, note: ConfigRoom['note']): Promise<ConfigRoom> {
  const { load, first: boot, apply, store, clock, logger, running = () => new Set() } = options;
  const backupDir = backupDirOf(options.stateDir);
  let room: ConfigRoom | undefined;
  const document = await openDocument({
    ...{ name: { kind: 'agent', id: '' }, backupDir, store, clock, logger, keep: kept },
    files: () => filesNow(options, room?.loaded ?? boot),
    read: readConfigFile,
  });
  const events = createConfigEvents(options.journal);
  const opened: ConfigRoom = { document, boot, load, apply, running, events, note, logger, backupDir, loaded: boot, refusedPrint: '' };
  room = opened;
  await recordStart(opened, new Map(boot.paths.map((path) => [path, readConfigFile(path)])));
  return opened;
}

/** The files that there are to read; where that cannot be told, those in effect. */
function filesNow({ files }: ConfigOptions, { paths }: LoadedSettings): readonly string[] {
  try {
    return files?.() ?? paths;
  } catch {
    return paths;
  }
}

function assertManaged(room: ConfigRoom): void {
  if (currentOf(room).texts.size > 0) return;
  throw new AgentError('CONFIG_NOT_MANAGED', 'the agent runs without a configuration file, so there is none to change');
}

/** Masking reads the files' syntax: done once a state. */
function shownConfig(room: ConfigRoom): () => AgentConfig {
  let shown = { etag: '', yaml: '' };
  return () => {
    const { loaded, revision, etag, timeMs, texts } = currentOf(room);
    if (shown.etag !== etag) shown = { etag, yaml: shownYaml(texts) };
    return { document: loaded.document as JsonObject, sources: loaded.sources, revision, etag, timeMs, yaml: shown.yaml };
  };
}

function configRevision({ revision, etag, author, reason, timeMs, detail }: Revision): ConfigRevision {
  return { revision, etag, author, reason, timeMs, changes: changesIn(detail) };
}
