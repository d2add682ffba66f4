import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { AgentError } from '../kernel/errors.ts';
import type { UnitSettings } from '../settings/types.ts';
import { findBinary } from './binary.ts';
import type { ProcessContext } from './context.ts';
import { engines } from './engines/index.ts';
import { prepareDirectory, runFiles } from './unit-record.ts';

/** The argument vector of a unit as the configuration says it, before its program is looked up. */
export function plannedCommand(unit: UnitSettings): readonly string[] {
  if (unit.engine === undefined) return [...unit.command, ...unit.args];
  return [unit.binary ?? unit.engine, ...engines[unit.engine].runArguments(unit.configPath, unit.args)];
}

export interface Plan {
  readonly argv: readonly string[];
  readonly cwd: string;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** What exactly would be started now. Throws BINARY_NOT_FOUND, or START_FAILED for a working directory that is not there. */
export function planRun(context: ProcessContext, unit: UnitSettings): Plan {
  const files = runFiles(context.stateDir, unit.id);
  prepareDirectory(files);
  const cwd = unit.cwd ?? files.directory;
  const metadata = { process_id: unit.id };
  if (!isDirectory(cwd)) {
    throw new AgentError('START_FAILED', `${unit.id} was not started: its working directory ${cwd} does not exist`, { metadata });
  }
  const [name = '', ...args] = plannedCommand(unit);
  const wanted = unit.engine === undefined && unit.binary !== undefined ? unit.binary : name;
  const names = unit.engine === undefined || unit.binary !== undefined ? [wanted] : engines[unit.engine].programs;
  const program = names.map((one) => findBinary(one, unit.env['PATH'] ?? context.path, cwd)).find((path) => path !== undefined);
  if (program === undefined) {
    const where = wanted.includes('/') ? 'is no executable file' : 'is not on PATH';
    throw new AgentError('BINARY_NOT_FOUND', `${unit.id} was not started: the program ${wanted} ${where}`, {
      metadata: { ...metadata, binary: wanted },
    });
  }
  return { argv: [program, ...args], cwd };
}

/** Changes when, and only when, a run started now would differ from one that was started then. */
export function fingerprintOf(unit: UnitSettings): string {
  const { engine, command, binary, args, configPath, cwd, env, passEnv } = unit;
  const sorted = Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = [engine ?? '', command, binary ?? '', args, configPath ?? '', cwd ?? '', sorted, passEnv];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
