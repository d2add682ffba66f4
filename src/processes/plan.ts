import { createHash } from 'node:crypto';
import { chownSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AgentError } from '../kernel/errors.ts';
import type { UnitSettings } from '../settings/types.ts';
import { findBinary } from './binary.ts';
import { changesUser, confine, identityOf } from './confine.ts';
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

/**
 * Where a unit works by default: its own directory; for one that runs as another user a directory within it that belongs to that user,
 * since the agent's records lie beside it and are nobody else's to write.
 */
export function workingDirectory(stateDir: string, unit: Pick<UnitSettings, 'id' | 'cwd' | 'user' | 'group'>): string {
  const { directory } = runFiles(stateDir, unit.id);
  return unit.cwd ?? (changesUser(unit) ? join(directory, 'work') : directory);
}

function prepareWork(unit: UnitSettings, cwd: string): void {
  if (unit.cwd !== undefined || !changesUser(unit)) return;
  mkdirSync(cwd, { recursive: true, mode: 0o700 });
  const owner = identityOf(unit);
  if (owner !== undefined && process.getuid?.() === 0) chownSync(cwd, owner.uid, owner.gid);
}

/** What exactly would be started now. Throws BINARY_NOT_FOUND, CONFINEMENT_UNAVAILABLE, or START_FAILED for a working directory that is not there. */
export function planRun(context: ProcessContext, unit: UnitSettings): Plan {
  const [name = '', ...args] = plannedCommand(unit);
  const { program, cwd } = planProgram(context, unit, name);
  return { argv: confine(unit, [program, ...args]), cwd };
}

/** The program of a unit and where it works. Throws as planRun does. */
export function planProgram(
  context: Pick<ProcessContext, 'stateDir' | 'path'>,
  unit: UnitSettings,
  name: string,
): { readonly program: string; readonly cwd: string } {
  prepareDirectory(runFiles(context.stateDir, unit.id));
  const cwd = workingDirectory(context.stateDir, unit);
  prepareWork(unit, cwd);
  const metadata = { process_id: unit.id };
  if (!isDirectory(cwd)) {
    throw new AgentError('START_FAILED', `${unit.id} was not started: its working directory ${cwd} does not exist`, { metadata });
  }
  const wanted = unit.engine === undefined && unit.binary !== undefined ? unit.binary : name;
  const names = unit.engine === undefined || unit.binary !== undefined ? [wanted] : engines[unit.engine].programs;
  const program = names.map((one) => findBinary(one, unit.env['PATH'] ?? context.path, cwd)).find((path) => path !== undefined);
  if (program === undefined) {
    const where = wanted.includes('/') ? 'is no executable file' : 'is not on PATH';
    throw new AgentError('BINARY_NOT_FOUND', `${unit.id} was not started: the program ${wanted} ${where}`, {
      metadata: { ...metadata, binary: wanted },
    });
  }
  return { program, cwd };
}

/** What a pure function has answered for a unit: settings are never changed, only replaced. */
const fingerprints = new WeakMap<UnitSettings, string>();

/** Changes when, and only when, a run started now would differ from one that was started then. */
export function fingerprintOf(unit: UnitSettings): string {
  const known = fingerprints.get(unit) ?? computeFingerprint(unit);
  fingerprints.set(unit, known);
  return known;
}

function computeFingerprint(unit: UnitSettings): string {
  const { engine, command, binary, args, configPath, cwd, env, passEnv, user, group, noNewPrivs, capabilities, umask, limits } = unit;
  const sorted = Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = [
    engine ?? '',
    command,
    binary ?? '',
    args,
    configPath ?? '',
    cwd ?? '',
    sorted,
    passEnv,
    user ?? '',
    group ?? '',
    noNewPrivs,
    capabilities,
    umask,
    limits.rlimits,
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
