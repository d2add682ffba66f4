import { createHash } from 'node:crypto';
import { settleAlerts } from './alerts.ts';
import { configFiles, type FileOptions } from './files.ts';
import { fillIn, fillInUnits } from './fill-in.ts';
import { settleFleet } from './fleet.ts';
import { linkWarning } from './link-variables.ts';
import { gatherProblems } from './problems.ts';
import { readSources } from './reading.ts';
import { refuseUnfit } from './refusals.ts';
import { toDocument } from './to-document.ts';
import { toSettings } from './to-settings.ts';
import type { LoadedSettings } from './types.ts';
import { refuseUnfitUnits } from './units.ts';

export interface LoadOptions extends FileOptions {
  /** `--state-dir`: wins over all. */
  readonly stateDir?: string;
}

/**
 * Reads the configuration from all its sources.
 * @throws RefusedError: its line has file, line, key and remedy of the first problem, its `problems` have all that were found.
 */
export function loadSettings(options: LoadOptions): LoadedSettings {
  const paths = configFiles(options);
  const problems = gatherProblems();
  const { entries, units } = readSources(paths, options, problems);
  // What could not be read may be what the rest refers to.
  if (problems.has('syntax')) problems.settle(paths);
  settleAlerts(entries, problems);
  settleFleet(entries, problems);
  fillIn(entries, options);
  fillInUnits(entries, units);
  refuseUnfit(entries, problems);
  refuseUnfitUnits(entries, units, problems);
  problems.settle(paths);
  const settings = toSettings(entries, units);
  const document = toDocument(entries, units);
  const etag = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16);
  const sources = Object.fromEntries([...entries].map(([path, entry]) => [path, entry.source]));
  const warning = linkWarning(options.env);
  return { settings, paths, etag, document, sources, warnings: warning === undefined ? [] : [warning] };
}
