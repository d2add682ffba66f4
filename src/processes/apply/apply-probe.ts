import type { Clock } from '../../kernel/clock.ts';
import type { UnitProbe, UnitSettings } from '../../settings/types.ts';
import { confine } from '../confine.ts';
import type { ProcessContext } from '../context.ts';
import { runEnvironment } from '../environment.ts';
import { workingDirectory } from '../plan.ts';
import { runProbe } from '../probes/run-probe.ts';
import type { ProbeResult } from '../probes/types.ts';
import type { ConfigHolder } from './holder.ts';
import { soak } from './soak.ts';

/** The probe that a new config is proved by: the unit's own for applies, else its readiness where that looks through the proxy. */
export function applyProbe({ apply, probes }: Pick<UnitSettings, 'apply' | 'probes'>): UnitProbe | undefined {
  if (apply.probe !== undefined) return apply.probe;
  return probes.readiness?.action.kind === 'proxy' ? probes.readiness : undefined;
}

/** Looks by the probe of a unit for the time of its soak; undefined where it has none. */
export function soakOf(
  context: Pick<ProcessContext, 'stateDir' | 'environment'>,
  { unit, engine }: ConfigHolder,
  clock: Clock,
): ((signal: AbortSignal) => Promise<string>) | undefined {
  const probe = applyProbe(unit);
  if (probe === undefined) return undefined;
  const env = runEnvironment(context.environment, unit, 'probe');
  const cwd = workingDirectory(context.stateDir, unit);
  const subject = { engine, configPath: unit.configPath, isMarked: () => false };
  const look = (timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> =>
    runProbe(probe.action, { timeoutMs, signal, env, cwd, clock, confine: (argv) => confine(unit, argv), subject });
  return (signal) => soak({ probe, soakMs: unit.apply.soakMs, look, clock, signal });
}
