import { readFile, stat } from 'node:fs/promises';
import type { UnitSettings } from '../settings/types.ts';
import { confine } from './confine.ts';
import type { ProcessContext } from './context.ts';
import { askProgram, complaintsOf } from './engine-program.ts';
import { type Engine, engines } from './engines/index.ts';
import { formatOf, maxConfigBytes, readConfig } from './engines/read-config.ts';
import { runEnvironment } from './environment.ts';
import { planProgram } from './plan.ts';

/** What an engine says of a config before it has to live with it. */
export type ConfigVerdict =
  | { readonly kind: 'accepted' }
  | {
      readonly kind: 'refused';
      /** Its own lines that say what is wrong, as it wrote them. */
      readonly lines: readonly string[];
      /** The first of them without what stands before its words. */
      readonly sentence: string;
      /** Where it says that it is wrong, from 1; undefined where it does not say. */
      readonly line: number | undefined;
      readonly column: number | undefined;
    }
  /** Nobody knows: there is no config, or the check could not be run or took too long. */
  | { readonly kind: 'unknown'; readonly message: string };

/** A check reads the config and the files that it names; one that takes longer is stuck. */
const checkLimitMs = 20_000;

export interface JudgeOptions {
  /** The config that is judged; default: the unit's own. */
  readonly configPath?: string | undefined;
  readonly signal?: AbortSignal;
}

/**
 * Asks the engine of a unit whether it would take a config: its own check, by the program, the user, the directory and the environment
 * that it would run with. An engine without a check takes what can be read. Throws nothing but the signal's reason: what cannot be
 * asked is unknown.
 */
export async function judgeUnitConfig(
  context: Pick<ProcessContext, 'stateDir' | 'path' | 'environment'>,
  unit: UnitSettings,
  { configPath = unit.configPath, signal }: JudgeOptions = {},
): Promise<ConfigVerdict> {
  if (unit.engine === undefined || configPath === undefined) return unknown(`${unit.id} has no config that could be judged`);
  const engine = engines[unit.engine];
  if (engine.checkArguments === undefined) return judgeForm(engine, configPath);
  let question: Pick<Parameters<typeof askProgram>[0], 'argv' | 'cwd'>;
  try {
    const { program, cwd } = planProgram(context, unit, unit.binary ?? unit.engine);
    question = { argv: confine(unit, [program, ...engine.checkArguments(configPath)]), cwd };
  } catch (error) {
    return unknown(error instanceof Error ? error.message : String(error));
  }
  const env = runEnvironment(context.environment, unit, 'check');
  const answer = await askProgram({ ...question, env, limitMs: checkLimitMs, signal });
  const lines = complaintsOf(engine.name, engine, { answer, limitMs: checkLimitMs });
  if (answer.kind !== 'ended') return unknown(lines.join('; '));
  return lines.length === 0 ? { kind: 'accepted' } : refused(engine, lines);
}

function unknown(message: string): ConfigVerdict {
  return { kind: 'unknown', message };
}

function refused({ check }: Pick<Engine, 'check'>, lines: readonly string[]): ConfigVerdict {
  const sentence = (lines[0] ?? '').replace(check.prefix, '').trim();
  const at = check.position.exec(sentence)?.groups;
  return { kind: 'refused', lines, sentence, line: numberOf(at?.['line']), column: numberOf(at?.['column']) };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/** For an engine that has no check: whether its config can be read at all. */
async function judgeForm(engine: Engine, configPath: string): Promise<ConfigVerdict> {
  const no = (sentence: string): ConfigVerdict => refused(engine, [sentence]);
  try {
    const found = await stat(configPath);
    if (!found.isFile()) return no(`${configPath} is not a file`);
    if (found.size > maxConfigBytes) return no(`${configPath} is larger than ${maxConfigBytes >> 20} MiB`);
    const config = readConfig(engine, await readFile(configPath, 'utf8'), formatOf(engine, configPath));
    if (config.ok) return { kind: 'accepted' };
    return no(
      [`${configPath}: line ${config.fault.line}:`, config.fault.path, config.fault.message].filter((part) => part !== '').join(' '),
    );
  } catch (error) {
    return no(`${configPath} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
