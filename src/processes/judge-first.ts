import { AgentError } from '../kernel/errors.ts';
import type { UnitSettings } from '../settings/types.ts';
import type { ProcessContext } from './context.ts';
import type { Ended } from './ended.ts';
import { sentencesOf } from './engine-program.ts';
import { engines } from './engines/index.ts';
import { judgeUnitConfig } from './judge.ts';
import { planRun } from './plan.ts';

/**
 * Judges what a restart or a reload would use, before anything that runs is touched: its program, its directory and its rights must be
 * there, and its engine must take its config. Throws CONFIG_REFUSED with the engine's own sentence, BINARY_NOT_FOUND,
 * CONFINEMENT_UNAVAILABLE, START_FAILED. What the engine cannot be asked about is no reason to refuse.
 */
export async function judgeFirst(context: ProcessContext, unit: UnitSettings): Promise<void> {
  planRun(context, unit);
  const verdict = await judgeUnitConfig(context, unit);
  if (verdict.kind !== 'refused') return;
  const metadata = {
    process_id: unit.id,
    ...(verdict.line === undefined ? {} : { line: String(verdict.line) }),
    ...(verdict.column === undefined ? {} : { column: String(verdict.column) }),
  };
  throw new AgentError('CONFIG_REFUSED', `${unit.id} is left as it is: its engine refuses its config: ${verdict.sentence}`, { metadata });
}

/** What the engine of a unit has against the config that the next start would use; undefined when nothing, or nobody knows. */
export async function objectionOf(
  context: Pick<ProcessContext, 'stateDir' | 'path' | 'environment'>,
  unit: UnitSettings,
  { configPath, signal }: { readonly configPath: string | undefined; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const verdict = await judgeUnitConfig(context, unit, { configPath, signal });
  return verdict.kind === 'refused' ? verdict.sentence : undefined;
}

/** What an exit that means that the config is bad (xray's 23) says of it; undefined for any other end. Another start would end the same. */
export function terminalRefusal(
  unit: Pick<UnitSettings, 'engine'>,
  { end, logLines }: Pick<Ended, 'end' | 'logLines'>,
): string | undefined {
  const engine = unit.engine === undefined ? undefined : engines[unit.engine];
  if (engine === undefined || end.kind !== 'code' || !engine.terminalExitCodes.includes(end.code)) return undefined;
  const [sentence = `it ended with exit code ${end.code}`] = sentencesOf(engine, logLines.join('\n')).slice(-1);
  return sentence.replace(engine.check.prefix, '').trim();
}
