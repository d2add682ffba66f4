/** Asks an engine's program something that is over in moments: its version, its opinion of a config. Loads nothing of the daemon, for sboxmgr's JSON door starts with it. */
import { stripVTControlCharacters } from 'node:util';
import { systemClock } from '../kernel/clock.ts';
import { findBinary } from './binary.ts';
import type { Engine } from './engines/types.ts';
import { runAttached } from './spawner.ts';

const versionLimitMs = 5_000;
/** What is kept of an engine's output, in characters: the first, where a panic says what it is. */
const keptOutput = 64 << 10;
const maxSentences = 20;

export type Environment = Readonly<Record<string, string | undefined>>;

/** What of an engine these questions need. */
export type AskedEngine = Pick<Engine, 'programs' | 'versionArguments' | 'version' | 'check'>;

export interface Question {
  /** The first is an absolute path. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly cwd: string;
  readonly limitMs: number;
  readonly signal?: AbortSignal | undefined;
}

export type Answer =
  | { readonly kind: 'ended'; readonly code: number | undefined; readonly killedBy: string | undefined; readonly output: string }
  | { readonly kind: 'late' }
  | { readonly kind: 'failed'; readonly message: string };

/** The engine's program on PATH. */
export function programOf({ programs }: Pick<Engine, 'programs'>, path: string): string | undefined {
  return programs.map((name) => findBinary(name, path, '/')).find((found) => found !== undefined);
}

/** Runs a program to its end, within the limit; nothing of it is left. Never throws but for the caller's own signal. */
export async function askProgram({ argv, env, cwd, limitMs, signal }: Question): Promise<Answer> {
  const late = new AbortController();
  const cancel = systemClock.after(limitMs, () => late.abort());
  let output = '';
  try {
    const { code, killedBy } = await runAttached({
      argv,
      env,
      cwd,
      signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
      onOutput(_, chunk) {
        if (output.length < keptOutput) output += chunk.toString('utf8');
      },
    });
    return { kind: 'ended', code, killedBy, output: stripVTControlCharacters(output.slice(0, keptOutput)) };
  } catch (error) {
    signal?.throwIfAborted();
    return late.signal.aborted ? { kind: 'late' } : { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  } finally {
    cancel();
  }
}

/** The engine's own word for its version; `unknown` where it has none. */
export async function versionOf(engine: AskedEngine, program: string, { env, cwd }: Pick<Question, 'env' | 'cwd'>): Promise<string> {
  const answer = await askProgram({ argv: [program, ...engine.versionArguments], env, cwd, limitMs: versionLimitMs });
  return (answer.kind === 'ended' ? engine.version.exec(answer.output)?.[1] : undefined) ?? 'unknown';
}

/** What is wrong, in the engine's own words. */
export function sentencesOf({ check }: AskedEngine, output: string): readonly string[] {
  const lines = output.split(/\r?\n/).filter((line) => line.trim() !== '');
  const telling = lines.filter((line) => check.sentence.test(line));
  return (telling.length > 0 ? telling : lines).slice(0, maxSentences);
}

/** Why a check did not pass, for a person; empty when it did. */
export function complaintsOf(
  name: string,
  engine: AskedEngine,
  { answer, limitMs }: { readonly answer: Answer; readonly limitMs: number },
): readonly string[] {
  switch (answer.kind) {
    case 'late':
      return [`${name} did not end its check within ${limitMs / 1000} s`];
    case 'failed':
      return [`${name} could not be run: ${answer.message}`];
    case 'ended': {
      if (answer.code === 0) return [];
      const said = sentencesOf(engine, answer.output);
      const how = answer.killedBy === undefined ? `ended with exit code ${answer.code}` : `was ended by ${answer.killedBy}`;
      return said.length > 0 ? said : [`${name} ${how} and said nothing`];
    }
  }
}
