import { parseArgs } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { systemClock } from '../kernel/clock.ts';
import { RefusedError } from '../kernel/errors.ts';
import { endWithOutput, printOut } from '../kernel/output.ts';
import { configFiles, type LoadedSettings, type LoadOptions, loadSettings, printConfig, processEnv } from '../settings/index.ts';
import { startWriterEarly } from '../store/early-writer.ts';
import { databaseOf } from './database.ts';
import { catchFaults, type Faults, oneLine } from './faults.ts';
import { findNotifyChannel, sendNotification } from './notify-channel.ts';
import { createServiceManager } from './service-manager.ts';
import type { Signals } from './signals.ts';
import { claimStateDir, expectedFiles } from './state-dir.ts';
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

/** What the daemon is started with, besides its flags. */
interface Around {
  readonly signals: Signals;
  /** Keeps the code that the start compiled for the next one. */
  readonly keepCode: () => void;
  /** A thread for the database's writer that has booted meanwhile; default: one is started when its options are known. */
  readonly writer?: Worker;
}

async function run(
  flags: ServeFlags,
  { signals, keepCode, writer: booted, faults }: Around & { readonly faults: Faults },
): Promise<number> {
  const loaded = loadFor(flags);
  if (flags['print-config'] === true || flags['check-config'] === true) endWithOutput();
  if (flags['print-config'] === true) {
    await printOut(printConfig(loaded));
    return EXIT.done;
  }
  if (flags['check-config'] === true) {
    for (const warning of loaded.warnings) say(`sboxagent: ${warning}`);
    await printOut(`${loaded.paths.join(', ') || 'built-in defaults'}: fit\n`);
    return EXIT.done;
  }
  // Loaded only now: what is refused is refused at once.
  const { finishPending } = await import('../config/index.ts');
  if (signals.leaving()) return EXIT.done;
  const { stateDir } = loaded.settings.agent;
  const lock = claimStateDir(stateDir, expectedFiles(loaded));
  // A change of the configuration that was cut short is finished by whoever has the state directory.
  finishPending(stateDir, loaded.paths);
  const first = loadFor(flags);
  // The thread of the database opens it while the rest is loaded.
  const { path, durability, procedures } = databaseOf(first.settings);
  const writer = startWriterEarly({ path, durability, procedures: procedures.href }, booted);
  const { createApp } = await import('./create-app.ts');
  if (signals.leaving()) return EXIT.done;
  const environment = processEnv();
  const channel = findNotifyChannel(environment);
  const manager = createServiceManager({ send: (lines) => sendNotification(channel, lines), environment, clock: systemClock });
  const app = await createApp({
    first,
    writer,
    load: (texts) => loadFor(flags, texts),
    files: () => configFiles(placesOf(flags)),
    program: programVersion(),
    faults: faults.health,
    lock,
    reloading: manager.reloading,
    keepCode,
    ownDescriptors: channel.kind === 'descriptor' ? [channel.fd] : [],
  });
  const faulty = Promise.withResolvers<number>();
  if (!signals.leaving()) {
    await app.start();
    faults.serving({ logger: app.logger, end: () => faulty.resolve(EXIT.bug) });
    manager.serving(app);
    signals.onReload(() => void manager.reloading(app.reload));
  }
  const code = await Promise.race([signals.ended.then(() => EXIT.done), faulty.promise]);
  manager.stopping();
  await app.stop();
  return code;
}

function fault(error: unknown): number {
  say(`sboxagent: a fault of the agent: ${oneLine(error)}`);
  return EXIT.bug;
}

/** `sboxagent serve`: answers the exit code, with which the program is to end whatever is still open. */
export async function runServe(argv: readonly string[], around: Around): Promise<number> {
  // Before anything is made: what the agent writes is its own.
  process.umask(0o077);
  let flags: ServeFlags;
  try {
    flags = parseFlags(argv);
  } catch (error) {
    say(`sboxagent serve: ${error instanceof Error ? error.message : String(error)}`);
    return EXIT.usage;
  }
  try {
    const faults = catchFaults(systemClock, (error) => process.exit(fault(error)));
    return await run(flags, { ...around, faults });
  } catch (error) {
    if (!(error instanceof RefusedError)) return fault(error);
    say(`sboxagent: ${error.message}`);
    return EXIT.refused;
  }
}
