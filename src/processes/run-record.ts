import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootId, executableOf, hasEnvironment, readStat } from './proc.ts';
import type { RunFiles } from './spawner.ts';

/**
 * What the daemon must still know of a run when it was killed meanwhile. Written before the spawn (without pids) and again after
 * it, so that no run is ever forgotten. No fsync: after a loss of power the boot id differs and no record counts.
 */
export interface RunRecord {
  readonly version: 1;
  readonly id: string;
  readonly runId: string;
  readonly bootId: string;
  /** 0 until the program was started. */
  readonly pid: number;
  /** Field 22 of /proc/PID/stat. */
  readonly startTicks: number;
  readonly leaderPid: number;
  readonly leaderStartTicks: number;
  /** Where /proc/PID/exe pointed to when the record was written last. */
  readonly executable: string;
  readonly startTimeMs: number;
  /** Whether the startup was proved. */
  readonly proved: boolean;
  readonly restartCount: number;
  /** Of the unit's settings: a change shows. */
  readonly fingerprint: string;
}

export function runFiles(stateDir: string, id: string): RunFiles {
  const directory = join(stateDir, 'units', id);
  return {
    directory,
    stdout: join(directory, 'stdout.log'),
    stderr: join(directory, 'stderr.log'),
    exit: join(directory, 'exit'),
    words: join(directory, 'exit.words'),
    record: join(directory, 'run.json'),
  };
}

/** Makes the unit's directory. */
export function prepareDirectory(files: RunFiles): void {
  mkdirSync(files.directory, { recursive: true, mode: 0o700 });
}

/** Makes the two spool files where they are missing; `fresh` ones for a new run, so that no line of an older one is taken for its own. */
export function prepareSpool(files: RunFiles, fresh: boolean): void {
  prepareDirectory(files);
  for (const path of [files.stdout, files.stderr]) {
    if (fresh) rmSync(path, { force: true });
    writeFileSync(path, '', { mode: 0o600, flag: 'a' });
  }
}

export function writeRecord(files: RunFiles, record: RunRecord): void {
  const temporary = `${files.record}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  renameSync(temporary, files.record);
}

export function removeRecord(files: RunFiles): void {
  rmSync(files.record, { force: true });
}

/** Undefined when there is none, or none that can be read. */
export function readRecord(files: RunFiles): RunRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(files.record, 'utf8')) as Partial<RunRecord>;
    const whole = record.version === 1 && typeof record.runId === 'string' && typeof record.pid === 'number';
    return whole ? (record as RunRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** Ids that have a record, in order. */
export function recordedIds(stateDir: string): readonly string[] {
  try {
    return readdirSync(join(stateDir, 'units'))
      .filter((id) => readRecord(runFiles(stateDir, id)) !== undefined)
      .sort();
  } catch {
    return [];
  }
}

/**
 * Whether the recorded program lives: same boot, pid and start time, and the executable or (a program may replace itself by
 * another after the record was written, as `sh -c 'exec …'` does) the run's own mark in its environment. Nothing less is proof.
 */
export function isProven(record: RunRecord, marker: string): boolean {
  if (record.pid <= 0 || record.bootId === '' || record.bootId !== bootId()) return false;
  if (readStat(record.pid)?.startTicks !== record.startTicks) return false;
  return (record.executable !== '' && executableOf(record.pid) === record.executable) || hasEnvironment(record.pid, marker);
}
