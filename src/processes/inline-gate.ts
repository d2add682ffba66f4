import { realpathSync } from 'node:fs';
import { isAbsolute, normalize } from 'node:path';
import { AgentError, invalid, type Violation } from '../kernel/errors.ts';
import { ownLogSource } from '../kernel/own-names.ts';
import { plainUnit } from '../settings/plain-unit.ts';
import type { UnitSettings } from '../settings/types.ts';
import type { StartOptions } from './types.ts';

export interface InlineSettings {
  readonly enabled: boolean;
  readonly allowedBinaries: readonly string[];
}

/** Inline processes that are up at once; as many that are down stay listed at most. */
export const maxInline = 64;

/** A run that nobody declares any more gets this long to end. */
const undeclaredGraceMs = 5000;

const idPattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Judges the binary of an inline command: an absolute path as it would be written (no `..`, no doubled slash) which leads to the
 * very file that an allowed path leads to. Throws INLINE_DISABLED or BINARY_NOT_ALLOWED.
 */
export function judgeInline(settings: InlineSettings, id: string, command: readonly string[]): void {
  const metadata = { process_id: id };
  if (!settings.enabled) throw new AgentError('INLINE_DISABLED', `${id} was not started: inline commands are switched off`, { metadata });
  const binary = command[0] ?? '';
  const real = isAbsolute(binary) && normalize(binary) === binary ? realPath(binary) : undefined;
  const allowed = settings.allowedBinaries.some((path) => real !== undefined && realPath(path) === real);
  if (!allowed) {
    throw new AgentError('BINARY_NOT_ALLOWED', `${id} was not started: ${binary} is not an allowed binary`, {
      metadata: { ...metadata, binary },
    });
  }
}

/** The unit that an inline request amounts to: the defaults of a command, never restarted by a later daemon. Throws INVALID_REQUEST. */
export function inlineUnit(id: string, options: StartOptions): UnitSettings {
  const violations: Violation[] = [];
  if (!idPattern.test(id)) violations.push({ field: 'id', message: 'must be [a-z0-9][a-z0-9._-]{0,62}' });
  if (id === ownLogSource) violations.push({ field: 'id', message: "must not be the name of the agent's own log" });
  if (options.cwd !== '' && !isAbsolute(options.cwd)) violations.push({ field: 'cwd', message: 'must be an absolute path' });
  for (const [name, value] of Object.entries(options.env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) violations.push({ field: `env[${name}]`, message: 'is no name of a variable' });
    if (value.includes('\0')) violations.push({ field: `env[${name}]`, message: 'must not contain NUL' });
  }
  if (options.command.some((argument) => argument.includes('\0'))) violations.push({ field: 'command', message: 'must not contain NUL' });
  if (violations.length > 0) throw invalid(violations);
  return commandUnit(id, options);
}

/** Stands for a unit that is gone from the configuration, until nothing of it is left. */
export function undeclaredUnit(id: string): UnitSettings {
  const unit = commandUnit(id, { command: [], cwd: '', env: {} });
  return { ...unit, stop: { signal: 'SIGTERM', graceMs: undeclaredGraceMs } };
}

/** The defaults of a command. */
function commandUnit(id: string, options: Pick<StartOptions, 'command' | 'cwd' | 'env'>): UnitSettings {
  return {
    ...plainUnit,
    id,
    engine: undefined,
    command: options.command,
    binary: undefined,
    args: [],
    configPath: undefined,
    cwd: options.cwd === '' ? undefined : options.cwd,
    env: options.env,
    passEnv: [],
    autostart: false,
    dependsOn: [],
    onAgentExit: 'stop',
    restart: {
      policy: 'on-failure',
      baseMs: 1000,
      factor: 2,
      maxMs: 60_000,
      jitter: 0.1,
      burst: 5,
      windowMs: 60_000,
      stableAfterMs: 30_000,
    },
    stop: { signal: 'SIGTERM', graceMs: 15_000 },
  };
}
