import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfigOptions, type OpenConfig, openConfig } from '../../src/config/index.ts';
import type { NewEvent } from '../../src/events/types.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { configFiles, type LoadedSettings, loadSettings } from '../../src/settings/index.ts';
import { openTestStore, silentLogger } from './event-room.ts';

export interface ConfigRoom {
  readonly config: OpenConfig;
  readonly dir: string;
  readonly stateDir: string;
  /** Of the first file. */
  readonly path: string;
  readonly events: NewEvent[];
  /** What was applied, in order. */
  readonly applied: LoadedSettings[];
  /** Thrown by the next apply. */
  failure: Error | undefined;
  read(name?: string): string;
  write(text: string, name?: string): void;
  /** Ends the room and opens it again on the same directories. */
  reopen(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const caller = { name: 'ops', reason: 'because', traceId: '0af7651916cd43dd8448eb211c80319c' };
export const plainUpdate = { mask: [], etag: undefined, validateOnly: false, author: caller };

/** The room with real files and a real store. Several files make a directory; none, an agent without a file. */
export async function configRoom(
  files: Readonly<Record<string, string>>,
  options: Partial<ConfigOptions> & { readonly env?: Readonly<Record<string, string>> } = {},
): Promise<ConfigRoom> {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-config-'));
  const stateDir = join(dir, 'state');
  const configDir = join(dir, 'etc');
  for (const path of [stateDir, configDir]) mkdirSync(path, { mode: 0o700 });
  const names = Object.keys(files);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(configDir, name), text, { mode: 0o640 });
  const [only = ''] = names;
  const found = {
    ...(names.length > 0 && { configPath: names.length === 1 ? join(configDir, only) : configDir }),
    env: { XDG_STATE_HOME: stateDir, ...options.env },
    cwd: dir,
  };
  const load = (texts?: ReadonlyMap<string, string>): LoadedSettings => loadSettings({ ...found, stateDir, ...(texts && { texts }) });
  const events: NewEvent[] = [];
  const applied: LoadedSettings[] = [];
  const open = async (): Promise<{ config: OpenConfig; close(): Promise<void> }> => {
    const store = await openTestStore({ dir: stateDir });
    const opening = openConfig({
      load,
      first: load(),
      async apply(next) {
        const { failure } = room;
        room.failure = undefined;
        if (failure) throw failure;
        applied.push(next);
      },
      files: () => configFiles(found),
      store,
      journal: { emit: (event) => void events.push(event) },
      clock: systemClock,
      logger: silentLogger,
      stateDir,
      autoReload: () => true,
      reloadDelayMs: () => 100,
      ...options,
    });
    // One that is refused leaves no thread behind, which would keep the test's program from ending.
    await opening.catch(() => store.stop());
    const config = await opening;
    return {
      config,
      async close() {
        await config.stop();
        await store.stop();
      },
    };
  };
  let opened: Awaited<ReturnType<typeof open>>;
  const room: ConfigRoom = {
    get config() {
      return opened.config;
    },
    dir: configDir,
    stateDir,
    path: join(configDir, only),
    events,
    applied,
    failure: undefined,
    read: (name = only) => readFileSync(join(configDir, name), 'utf8'),
    write: (text, name = only) => writeFileSync(join(configDir, name), text),
    async reopen() {
      await opened.close();
      opened = await open();
    },
    async [Symbol.asyncDispose]() {
      await opened.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  opened = await open();
  return room;
}
