import type { UnitSettings } from '../settings/types.ts';
import { engines } from './engines/index.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What every child is lent from the daemon's environment; all else must be named in `pass_env`. */
const common = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'SHELL', 'LOGNAME'];

/** Name of the variable by which everything that a run has started is found again, wherever it was reparented to. */
export const markerName = 'SBOXAGENT_UNIT';

export function markerEntry(id: string, runId: string): string {
  return `${markerName}=${id}:${runId}`;
}

/** The exact environment of a run. */
export function runEnvironment(
  daemon: Environment,
  unit: Pick<UnitSettings, 'id' | 'engine' | 'env' | 'passEnv'>,
  runId: string,
): Record<string, string> {
  const lent = [...common, ...unit.passEnv].flatMap((name) => {
    const value = daemon[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const ofEngine = unit.engine === undefined ? {} : engines[unit.engine].environment;
  return { ...Object.fromEntries(lent), ...ofEngine, ...unit.env, [markerName]: `${unit.id}:${runId}` };
}
