import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NewEvent } from '../../../../src/events/index.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { AgentError } from '../../../../src/kernel/errors.ts';
import { type DocumentsOptions, openDocuments } from '../../../../src/plugins/documents/open-documents.ts';
import type { DocumentKeeper, DocumentUpdate } from '../../../../src/plugins/types.ts';
import type { OpenStore } from '../../../../src/store/index.ts';
import { metricsFake, openTestStore, scratch, silentLogger } from '../../../helpers/event-room.ts';

/** A keeper on real files and a real store; events are caught. */
export interface TestRoom {
  readonly dir: string;
  readonly store: OpenStore;
  readonly keeper: DocumentKeeper;
  readonly events: NewEvent[];
  readonly changes: string[];
  file(id: string): string;
  read(id: string): string;
  write(id: string, text: string): void;
  backupFile(id: string, backup: string): string;
  value(key: string): number;
  /** Ends the keeper and opens another on the same files, as a restart does. */
  reopen(between?: () => void | Promise<void>): Promise<TestRoom>;
  [Symbol.asyncDispose](): Promise<void>;
}

export type TestOptions = Partial<DocumentsOptions> & { readonly wrap?: (store: OpenStore) => OpenStore };

export const settings = { autoReload: true, validation: true, backupEnabled: true, backupRetentionMs: 7 * 86_400_000 };

export async function openDocumentRoom(options: TestOptions = {}): Promise<TestRoom> {
  const place = scratch();
  return openAt(place.dir, options, () => place[Symbol.dispose]());
}

/** On the files of a room that was left like a dead agent leaves them: its store closed, itself not stopped. */
export function openDocumentRoomAt(dir: string, options: TestOptions = {}): Promise<TestRoom> {
  return openAt(dir, options, () => rmSync(dir, { recursive: true, force: true }));
}

async function openAt(dir: string, options: TestOptions, end: () => void): Promise<TestRoom> {
  const store = await openTestStore({ dir });
  const events: NewEvent[] = [];
  const changes: string[] = [];
  const { metrics, value } = metricsFake();
  const base = {
    dir: join(dir, 'plugins'),
    backupDir: join(dir, 'backups', 'plugins'),
    settings,
    reloadDelayMs: () => 100,
    clock: systemClock,
    logger: silentLogger,
  };
  const journal = { emit: (event: NewEvent) => void events.push(event) };
  const keeper = await openDocuments({ ...base, journal, metrics, ...options, store: options.wrap?.(store) ?? store });
  keeper.onChange((id) => changes.push(id));
  const close = async (): Promise<void> => {
    await keeper.stop();
    await store.stop();
  };
  const file = (id: string): string => join(dir, 'plugins', id, 'config.json');
  return {
    ...{ dir, store, keeper, events, changes, file, value },
    read: (id) => readFileSync(file(id), 'utf8'),
    write(id, text) {
      mkdirSync(join(dir, 'plugins', id), { recursive: true });
      writeFileSync(file(id), text);
    },
    backupFile: (id, backup) => join(dir, 'backups', 'plugins', id, `${backup}.json`),
    async reopen(between = () => {}) {
      await close();
      await between();
      const { wrap: _, ...rest } = options;
      return openAt(dir, rest, end);
    },
    async [Symbol.asyncDispose]() {
      await close();
      end();
    },
  };
}

export function update(config: DocumentUpdate['config'], more: Partial<DocumentUpdate> = {}): DocumentUpdate {
  return { config, etag: undefined, validateOnly: false, traceId: 'ab'.repeat(16), author: 'tester', ...more };
}

/** The reason, and the fields with their rules, of what `fn` throws. */
export async function refusalOf(fn: () => unknown): Promise<{ reason: string; fields: readonly string[]; text: string }> {
  try {
    await fn();
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    const told = error.violations.map((v) => `${v.field} ${v.rule} ${v.message}`).join('\n');
    return { reason: error.reason, fields: error.violations.map((v) => `${v.field} ${v.rule}`), text: `${error.message}\n${told}` };
  }
  throw new Error('it was not refused');
}
