import { parseArgs } from 'node:util';
import { systemClock } from '../kernel/clock.ts';
import { RefusedError } from '../kernel/errors.ts';
import { configFiles, type LoadedSettings, type LoadOptions, loadSettings, printConfig, processEnv } from '../settings/index.ts';
import type { App } from './create-app.ts';
import { notify } from './notify.ts';
import { claimStateDir } from './state-dir.ts';
import { programVersion } from './version.ts';

/** Exit codes of the daemon (contract, section 1). */
const EXIT = { done: 0, usage: 2, bug: 70, refused: 78 } as const;

interface ServeFlags {
  readonly config?: string;
  readonly 'state-dir'?: string;
  readonly 'check-config'?: boolean;
  readonly 'print-config'?: boolean;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function parseFlags(argv: readonly string[]): ServeFlags {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      config: { type: 'string' },
      'state-dir': { type: 'string' },
      'check-config': { type: 'boolean' },
      'print-config': { type: 'boolean' },
    },
  });
  return values;
}

type PlaceFlags = Pick<ServeFlags, 'config' | 'state-dir'>;

function placesOf(flags: PlaceFlags, texts?: ReadonlyMap<string, string>): LoadOptions {
  return {
    ...(flags.config === undefined ? {} : { configPath: flags.config }),
    ...(flags['state-dir'] === undefined ? {} : { stateDir: flags['state-dir'] }),
    ...(texts === undefined ? {} : { texts }),
    env: processEnv(),
    cwd: process.cwd(),
  };
}

export function loadFor(flags: PlaceFlags, texts?: ReadonlyMap<string, string>): LoadedSettings {
  return loadSettings(placesOf(flags, texts));
}

/** Runs until a signal ends the daemon; SIGHUP reloads, a second SIGTERM ends at once. */
async function untilSignalled(app: App, reload: () => Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let leaving = false;
  const leave = (): void => {
    if (leaving) process.exit(EXIT.done);
    leaving = true;
    resolve();
  };
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
  process.on('SIGHUP', () => void reload());
  await promise;
  notify('STOPPING=1');
  await app.stop();
}

async function run(flags: ServeFlags): Promise<number> {
  const loaded = loadFor(flags);
  if (flags['print-config'] === true) {
    process.stdout.write(printConfig(loaded));
    return EXIT.done;
  }
  if (flags['check-config'] === true) {
    process.stdout.write(`${loaded.paths.join(', ') || 'built-in defaults'}: fit\n`);
    return EXIT.done;
  }
  // Loaded only now: what is refused is refused at once.
  const [{ createApp }, { finishPending }] = await Promise.all([import('./create-app.ts'), import('../config/index.ts')]);
  const { stateDir } = loaded.settings.agent;
  const lock = claimStateDir(stateDir);
  // A change of the configuration that was cut short is finished by whoever has the state directory.
  finishPending(stateDir, loaded.paths);
  const app = await createApp({
    first: loadFor(flags),
    load: (texts) => loadFor(flags, texts),
    files: () => configFiles(placesOf(flags)),
    program: programVersion(),
    lock,
  });
  await app.start();
  notify('READY=1');
  await untilSignalled(app, () => app.reload());
  return EXIT.done;
}

/** The program ends also where what was opened before the fault would keep it alive. */
function leaveSoon(code: number): number {
  systemClock.after(500, () => process.exit(code));
  return code;
}

/** `sboxagent serve`: answers the exit code. */
export async function runServe(argv: readonly string[]): Promise<number> {
  let flags: ServeFlags;
  try {
    flags = parseFlags(argv);
  } catch (error) {
    say(`sboxagent serve: ${error instanceof Error ? error.message : String(error)}`);
    return EXIT.usage;
  }
  try {
    return await run(flags);
  } catch (error) {
    if (error instanceof RefusedError) {
      say(`sboxagent: ${error.message}`);
      return leaveSoon(EXIT.refused);
    }
    say(`sboxagent: a fault of the agent: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return leaveSoon(EXIT.bug);
  }
}
