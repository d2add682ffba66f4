import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { UnitSettings } from '../settings/types.ts';
import type { Logger } from '../telemetry/types.ts';
import { fingerprintOf } from './plan.ts';
import { writeRecord } from './record-file.ts';
import { type RunRecord, recordedIds, runFiles, type UnitRecord } from './unit-record.ts';

/** What agents before 0.1.0 wrote of a run that was there (`run.json`): no desired state, no history, no cgroup. */
interface OldRecord extends Omit<RunRecord, 'group'> {
  readonly version: 1;
  readonly proved: boolean;
  readonly restartCount: number;
}

/**
 * Turns the records of an older agent into those of today, so that an upgrade adopts what runs instead of starting it a second time.
 * Whether a unit's settings were changed meanwhile cannot be told from them: what runs is taken to be as the settings want it.
 */
export function convertOldRecords(stateDir: string, units: Readonly<Record<string, UnitSettings>>, logger: Logger): void {
  for (const id of recordedIds(stateDir)) {
    const path = join(stateDir, 'units', id, 'run.json');
    if (!existsSync(path)) continue;
    try {
      const old = JSON.parse(readFileSync(path, 'utf8')) as Partial<OldRecord>;
      const { record } = runFiles(stateDir, id);
      const isNew = existsSync(record.even) || existsSync(record.odd);
      if (!isNew && old.version === 1) writeRecord(record, { sequence: 1, record: converted(id, old as OldRecord, units[id]) });
      rmSync(path, { force: true });
    } catch (error) {
      logger.error({ process: id, error }, 'the record of an older agent could not be read');
    }
  }
}

function converted(id: string, old: OldRecord, unit: UnitSettings | undefined): UnitRecord {
  const { version: _version, proved, restartCount, ...run } = old;
  return {
    version: 2,
    id,
    desired: 'UP',
    state: proved ? 'READY' : 'STARTING',
    reason: '',
    message: '',
    exit: undefined,
    lastEnd: {},
    dueWallMs: undefined,
    restartCount,
    history: { startsWallMs: [], attempts: 0 },
    run: { ...run, group: '', fingerprint: unit === undefined ? run.fingerprint : fingerprintOf(unit) },
    bootId: old.bootId,
    closed: false,
    told: [],
  };
}
