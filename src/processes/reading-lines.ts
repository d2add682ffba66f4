import { readFileSync, statSync } from 'node:fs';
import type { Logs, PunchHole } from '../logs/index.ts';
import type { UnitSettings } from '../settings/types.ts';
import { findBinary } from './binary.ts';
import { type Engine, engines } from './engines/index.ts';
import { formatOf, readConfig } from './engines/read-config.ts';
import { secretsOf, secretValues } from './engines/secrets.ts';
import { runBriefly } from './spawner.ts';

type CollectOptions = Parameters<Logs['collect']>[0];

/** How the lines of a unit are read: its engine's form of a line, the secrets of its config, and how its spool gives blocks back to the disk. */
export function readingLines(unit: UnitSettings, path: string): Pick<CollectOptions, 'parse' | 'secrets' | 'punchHole'> {
  const punchHole = holePuncher(path);
  const engine = unit.engine === undefined ? undefined : engines[unit.engine];
  if (engine === undefined) return { punchHole };
  return {
    parse: (line) => engine.parse(line),
    ...(unit.configPath !== undefined && { secrets: followSecrets(engine, unit.configPath) }),
    punchHole,
  };
}

/**
 * The secrets of a config file, read again when it is another one. Those of the one before stay: the program may still be running with them. What cannot
 * be read has no secrets to tell; names and shapes are masked all the same.
 */
export function followSecrets(engine: Engine, configPath: string): () => readonly string[] {
  let seen = '';
  let before: readonly string[] = [];
  let values: readonly string[] = [];
  return () => {
    const now = identityOf(configPath);
    if (now === seen || now === '') return values;
    seen = now;
    try {
      const read = readConfig(engine, readFileSync(configPath, 'utf8'), formatOf(engine, configPath));
      if (!read.ok) return values;
      const fresh = secretValues(secretsOf(engine, read.document));
      values = [...new Set([...fresh, ...before])];
      before = fresh;
    } catch {
      // Gone between the two looks.
    }
    return values;
  };
}

function identityOf(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino}.${size}.${mtimeMs}`;
  } catch {
    return '';
  }
}

const punchWithinMs = 10_000;

/** Node cannot make holes; util-linux can. It is looked for when the first hole is wanted: few units ever want one. */
function holePuncher(path: string): PunchHole {
  let fallocate: string | undefined;
  return async (file, { offset, length }) => {
    fallocate ??= findBinary('fallocate', path, '/');
    if (fallocate === undefined) return false;
    try {
      const argv = [fallocate, '--punch-hole', '--offset', String(offset), '--length', String(length), file];
      const { code } = await runBriefly({ argv, env: {}, cwd: '/', signal: AbortSignal.timeout(punchWithinMs) });
      return code === 0;
    } catch {
      return false;
    }
  };
}
