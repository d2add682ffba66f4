import { hash } from 'node:crypto';
import { join } from 'node:path';
import { type ManagedDocument, openDocument, type Texts } from '../../documents/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { UnitSettings } from '../../settings/types.ts';
import type { OpenStore } from '../../store/index.ts';
import type { Logger } from '../../telemetry/types.ts';
import { type Engine, engines } from '../engines/index.ts';
import { type ConfigFormat, formatOf } from '../engines/read-config.ts';
import { clearCandidates } from './candidate-file.ts';

/** The config of one unit: its file as a managed document. */
export interface ConfigHolder {
  readonly id: string;
  readonly engine: Engine;
  readonly document: ManagedDocument;
  /** Settings change while the document stays. */
  unit: UnitSettings;
  /** Applies that wait for their turn or are under way. */
  waiting: number;
}

export interface HolderOptions {
  readonly stateDir: string;
  readonly store: Pick<OpenStore, 'read' | 'write' | 'ageing'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Revisions that are kept of one config. */
const keptRevisions = 50;

/** A unit that has a config of its own: an engine and the path of its file. */
export function hasConfig(unit: UnitSettings): boolean {
  return unit.engine !== undefined && unit.configPath !== undefined;
}

export async function openHolder({ stateDir, ...options }: HolderOptions, unit: UnitSettings): Promise<ConfigHolder> {
  if (unit.engine === undefined) throw new TypeError(`${unit.id} has no engine`);
  clearCandidates({ stateDir, unit, configPath: configPathOf(unit) });
  const holder = { id: unit.id, engine: engines[unit.engine], unit, waiting: 0 };
  const document = await openDocument({
    ...options,
    name: { kind: 'processes', id: unit.id },
    files: () => [configPathOf(holder.unit)],
    backupDir: join(stateDir, 'backups', 'processes', unit.id),
    keep: keptRevisions,
  });
  return Object.assign(holder, { document });
}

export function configPathOf({ id, configPath }: UnitSettings): string {
  if (configPath === undefined) throw new AgentError('PROCESS_HAS_NO_CONFIG', `${id} has no config_path`, { metadata: { process_id: id } });
  return configPath;
}

export function formatOfHolder({ engine, unit }: ConfigHolder): ConfigFormat {
  return formatOf(engine, configPathOf(unit));
}

/** What lies in the file now; undefined where there is none, or none that can be read. */
export function currentText({ document, unit }: Pick<ConfigHolder, 'document' | 'unit'>): string | undefined {
  const disk = document.disk();
  const texts: Texts | undefined = disk.kind === 'same' ? document.head?.texts : disk.kind === 'changed' ? disk.texts : undefined;
  return texts?.get(configPathOf(unit));
}

/** Changes whenever the file does, also by hand. */
export function etagOf({ document }: Pick<ConfigHolder, 'document'>): string {
  const disk = document.disk();
  return disk.kind === 'same' ? (document.head?.etag ?? '0') : hash('sha256', disk.print).slice(0, 16);
}

/** Throws ETAG_STALE unless the config is still the one with this etag; empty asks nothing. */
export function assertEtag(holder: Pick<ConfigHolder, 'document' | 'id'>, etag: string | undefined): void {
  if (etag === undefined || etag === '') return;
  const now = etagOf(holder);
  if (etag === now) return;
  throw new AgentError('ETAG_STALE', `the config of ${holder.id} was changed since: its etag is ${now} now`, {
    metadata: { process_id: holder.id, etag: now },
  });
}
