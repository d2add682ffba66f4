import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { runFiles } from '../unit-record.ts';
import type { ProbeCounts } from './counts.ts';

export type ProbeRole = 'startup' | 'readiness' | 'liveness';

/** What the probes of a run have come to, as a daemon after this one takes it up. Written when a count changes; not flushed: after a loss of power there is no such run. */
export interface ProbeRecord {
  readonly version: 1;
  readonly runId: string;
  readonly counts: Partial<Readonly<Record<ProbeRole, ProbeCounts>>>;
  /** Roles of probes of kind `log` whose line was seen: their mark stays. */
  readonly marked: readonly ProbeRole[];
}

export function probeRecordPath(stateDir: string, id: string): string {
  return runFiles(stateDir, id).probes;
}

/** The record of this very run; an empty one where there is none. */
export function readProbeRecord(path: string, runId: string): ProbeRecord {
  const none: ProbeRecord = { version: 1, runId, counts: {}, marked: [] };
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as Partial<ProbeRecord>;
    return record.version === 1 && record.runId === runId ? { ...none, ...record } : none;
  } catch {
    return none;
  }
}

/** Throws what the disk refuses with. */
export function writeProbeRecord(path: string, record: ProbeRecord): void {
  const temporary = `${path}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}
