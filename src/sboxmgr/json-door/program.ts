import { resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { systemClock } from '../../kernel/clock.ts';
import { findBinary } from '../../processes/binary.ts';
import { runAttached } from '../../processes/spawner.ts';
import type { Client } from './clients.ts';

/** sboxmgr waits 30 s for a reply. */
export const checkLimitMs = 20_000;
const versionLimitMs = 5_000;
/** What is kept of an engine's output, in characters: the first, where a panic says what it is. */
const keptOutput = 64 << 10;
const maxSentences = 20;

export type Environment = Readonly<Record<string, string | undefined>>;

export type Ended =
  | { readonly kind: 'ended'; readonly code: number | undefined; readonly killedBy: string | undefined; readonly output: string }
  | { readonly kind: 'late' }
  | { readonly kind: 'failed'; readonly message: string };

/** The engine's program on PATH. */
export function programOf(client: Client, env: Environment): string | undefined {
  return client.programs.map((name) => findBinary(name, env['PATH'] ?? '', '/')).find((path) => path !== undefined);
}

/** Runs a program of the caller's, in his directory and with his environment. Never throws. */
export async function run(argv: readonly string[], env: Environment, limitMs: number): Promise<Ended> {
  const late = new AbortController();
  const cancel = systemClock.after(limitMs, () => late.abort());
  let output = '';
  try {
    const { code, killedBy } = await runAttached({
      argv,
      env,
      cwd: resolve('.'),
      signal: late.signal,
      onOutput(_, chunk) {
        if (output.length < keptOutput) output += chunk.toString('utf8');
      },
    });
    return { kind: 'ended', code, killedBy, output: stripVTControlCharacters(output.slice(0, keptOutput)) };
  } catch (error) {
    return late.signal.aborted ? { kind: 'late' } : { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  } finally {
    cancel();
  }
}

/** The engine's own word for its version; `unknown` where it has none. */
export async function versionOf(client: Client, path: string, env: Environment): Promise<string> {
  const ended = await run([path, ...client.versionArguments], env, versionLimitMs);
  return (ended.kind === 'ended' ? client.version.exec(ended.output)?.[1] : undefined) ?? 'unknown';
}

/** What is wrong, in the engine's own words. */
export function sentences(client: Client, output: string): readonly string[] {
  const lines = output.split(/\r?\n/).filter((line) => line.trim() !== '');
  const telling = lines.filter((line) => client.check.sentence.test(line));
  return (telling.length > 0 ? telling : lines).slice(0, maxSentences);
}
