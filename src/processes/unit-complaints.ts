import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { formatDuration } from '../kernel/duration.ts';
import type { UnitSettings } from '../settings/types.ts';
import { findBinary } from './binary.ts';
import { confine } from './confine.ts';
import type { ProcessContext } from './context.ts';
import { engines } from './engines/index.ts';
import { judgeUnitConfig } from './judge.ts';

/** What would keep a unit from starting as it is declared, or from ending in peace, each with what to do. Starts nothing but the engine's check, and writes nothing. */
export async function unitComplaints(
  context: Pick<ProcessContext, 'stateDir' | 'path' | 'environment'>,
  unit: UnitSettings,
): Promise<readonly string[]> {
  const found: string[] = [];
  const engine = unit.engine === undefined ? undefined : engines[unit.engine];
  const names = engine !== undefined && unit.binary === undefined ? engine.programs : [unit.binary ?? unit.command[0] ?? ''];
  const there = names.some((name) => findBinary(name, unit.env['PATH'] ?? context.path, unit.cwd ?? '/') !== undefined);
  if (!there) found.push(`no program for ${unit.id} (${names[0]}); install it, or correct the path`);
  try {
    confine(unit, ['/bin/true']);
  } catch (error) {
    found.push(error instanceof Error ? error.message : String(error));
  }
  if (engine !== undefined && unit.stop.graceMs < engine.graceMs) {
    found.push(
      `${unit.id}: stop.grace is shorter than the ${formatDuration(engine.graceMs)} that ${engine.name} may need to close; raise it`,
    );
  }
  // The check works in the unit's directory, which the first start makes.
  if (there && found.length === 0 && existsSync(join(context.stateDir, 'units', unit.id))) {
    const verdict = await judgeUnitConfig(context, unit);
    if (verdict.kind === 'refused') found.push(`${unit.id}: its engine refuses its config: ${verdict.sentence}`);
  }
  return found;
}
