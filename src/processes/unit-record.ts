import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject, NewEvent } from '../events/types.ts';
import { bootId, carriesMark, executableOf, readStat } from './proc.ts';
import { olderFile } from './record-file.ts';
import type { RunFiles } from './shim.ts';
import type { ExitRecord, ProcessState } from './types.ts';
import type { UnitGroup } from './unit-group.ts';

/** A run as the daemon after this one must find it again. Written before the spawn (without pids) and again after it. */
export interface RunRecord {
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
  /** Directory of the cgroup that it is in; '' = none. */
  readonly group: string;
  readonly startTimeMs: number;
  /** Of the unit's settings: a change shows. */
  readonly fingerprint: string;
}

/**
 * The one durable record of a unit: what is wanted of it and how far that has come. It is on disk before a step is carried out,
 * so that a daemon that was killed at any moment is followed by one that goes on from there.
 */
export interface UnitRecord {
  readonly version: 2;
  readonly id: string;
  readonly desired: 'UP' | 'DOWN';
  readonly state: ProcessState;
  readonly reason: string;
  readonly message: string;
  readonly exit: ExitRecord | undefined;
  readonly lastEnd: JsonObject;
  /** BACKOFF: when the next start is due, Unix ms. */
  readonly dueWallMs: number | undefined;
  readonly restartCount: number;
  readonly history: { readonly startsWallMs: readonly number[]; readonly attempts: number };
  readonly run: RunRecord | undefined;
  /** The boot in which it was written. */
  readonly bootId: string;
  /** The daemon ended in peace. */
  readonly closed: boolean;
  /**
   * What was told lately. A daemon that is killed may not have got it into the journal: the next one hands it in again under the
   * same ids, and the journal keeps what it has not.
   */
  readonly told: readonly NewEvent[];
}

export function runFiles(stateDir: string, id: string): RunFiles {
  const directory = join(stateDir, 'units', id);
  return {
    directory,
    stdout: join(directory, 'stdout.log'),
    stderr: join(directory, 'stderr.log'),
    exit: join(directory, 'exit'),
    words: join(directory, 'exit.words'),
    record: { even: join(directory, 'unit.0'), odd: join(directory, 'unit.1') },
    probes: join(directory, 'probes.json'),
    traffic: join(directory, 'traffic.json'),
  };
}

/** Makes the unit's directory. */
export function prepareDirectory(files: RunFiles): void {
  mkdirSync(files.directory, { recursive: true, mode: 0o700 });
}

/** Makes the two spool files where they are missing: what follows them must find them. */
export function prepareSpool(files: RunFiles): void {
  prepareDirectory(files);
  for (const path of [files.stdout, files.stderr]) writeFileSync(path, '', { mode: 0o600, flag: 'a' });
}

/** The spools of a new run; what an older one left in them must not be taken for its own. */
export function freshSpools(files: RunFiles): void {
  for (const path of [files.stdout, files.stderr]) {
    const fd = openSync(path, 'a', 0o600);
    const isEmpty = fstatSync(fd).size === 0;
    closeSync(fd);
    if (isEmpty) continue;
    rmSync(path);
    closeSync(openSync(path, 'a', 0o600));
  }
}

/** What is the agent's own in the directory of a unit, where the unit's own files may lie beside it. */
export function ownFiles(files: RunFiles): readonly string[] {
  return [files.record.even, files.record.odd, files.stdout, files.stderr, files.exit, files.words, files.probes, files.traffic];
}

/** Removes what is ours of a unit that is gone, `sequence` the number of its record; the directory stays where it holds something of the unit's own. */
export function removeUnitFiles(files: RunFiles, sequence: number): void {
  for (const path of [olderFile(files.record, sequence), ...ownFiles(files)]) rmSync(path, { force: true });
  try {
    rmdirSync(files.directory);
  } catch {
    // not empty, or not there
  }
}

/** Ids that have a directory, in order. */
export function recordedIds(stateDir: string): readonly string[] {
  try {
    return readdirSync(join(stateDir, 'units')).sort();
  } catch {
    return [];
  }
}

/**
 * Whether the recorded program lives: same boot, pid and start time, and the executable or (a program may replace itself by
 * another after the record was written, as `sh -c 'exec …'` does) the run's own mark in its environment, or its place in the
 * unit's own group. Nothing less is proof.
 */
export function isProven(record: RunRecord, marker: string, group: UnitGroup | undefined): boolean {
  if (record.pid <= 0 || record.bootId === '' || record.bootId !== bootId()) return false;
  if (readStat(record.pid)?.startTicks !== record.startTicks) return false;
  return (
    (record.executable !== '' && executableOf(record.pid) === record.executable) ||
    carriesMark(record.pid, marker) ||
    group?.members().includes(record.pid) === true
  );
}
