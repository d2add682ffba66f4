import type { Clock } from '../../kernel/clock.ts';
import type { UnitProbe, UnitSettings } from '../../settings/types.ts';
import { confine } from '../confine.ts';
import type { ProcessContext } from '../context.ts';
import { runEnvironment } from '../environment.ts';
import { workingDirectory } from '../plan.ts';
import { runProbe } from '../probes/run-probe.ts';
import type { ProbeResult } from '../probes/types.ts';
import type { ConfigHolder } from './holder.ts';
import { soak, untilReady } from './soak.ts';

/** The probe that a new config is proved by: the unit's own for applies, else its readiness where that looks through the proxy. */
export function applyProbe({ apply, probes }: Pick<UnitSettings, 'apply' | 'probes'>): UnitProbe | undefined {
  if (apply.probe !== undefined) return apply.probe;
  return probes.readiness?.action.kind === 'proxy' ? probes.readiness : undefined;
}

type ProbingContext = Pick<ProcessContext, 'stateDir' | 'environment'>;

/** Looks by the probe of a unit for the time of its soak; undefined where it has none. */
export function soakOf(
  context: ProbingContext,
  holder: ConfigHolder,
  clock: Clock,
): ((signal: AbortSignal) => Promise<string>) | undefined {
  const probe = applyProbe(holder.unit);
  if (probe === undefined) return undefined;
  const probeOnce = proberOf(context, { holder, probe, clock });
  return (signal) => soak({ probe, soakMs: holder.unit.apply.soakMs, probeOnce, clock, signal });
}

/**
 * Waits until the readiness probe of a unit has succeeded with the config that its engine took up in place: the state READY is of the config
 * before. undefined where there is nothing to probeOnce at: no such probe, the one of the soak, or a line of the log, whose mark stays.
 */
export function readinessOf(
  context: ProbingContext,
  holder: ConfigHolder,
  clock: Clock,
): ((signal: AbortSignal) => Promise<void>) | undefined {
  const { unit } = holder;
  const probe = unit.probes.readiness;
  if (probe === undefined || probe === applyProbe(unit) || probe.action.kind === 'log') return undefined;
  const probeOnce = proberOf(context, { holder, probe, clock });
  return (signal) => untilReady({ probe, withinMs: unit.apply.readyWithinMs, probeOnce, clock, signal });
}

interface Looking {
  readonly holder: ConfigHolder;
  readonly probe: UnitProbe;
  readonly clock: Clock;
}

function proberOf(context: ProbingContext, { holder: { unit, engine }, probe, clock }: Looking) {
  const env = runEnvironment(context.environment, unit, 'probe');
  const cwd = workingDirectory(context.stateDir, unit);
  const subject = { engine, configPath: unit.configPath, isMarked: () => false };
  return (timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> =>
    runProbe(probe.action, { timeoutMs, signal, env, cwd, clock, confine: (argv) => confine(unit, argv), subject });
}
