import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import type { EngineFigures } from './figures.ts';

export interface Traffic {
  /** From the users of an engine to the world. */
  readonly transmitBytes: number;
  /** From the world to its users. */
  readonly receiveBytes: number;
}

/** The traffic of a unit over all its runs. An engine counts from its own start; what its earlier runs counted is kept here. */
export interface TrafficRecord {
  readonly version: 1;
  /** The run that `engine` was read from. */
  readonly runId: string;
  /** What the engine itself said last. */
  readonly engine: Traffic;
  readonly total: Traffic;
}

/**
 * Adds what an engine has counted since it was last asked. Another run, or a count that went back (an engine that read its config again
 * may count anew), begins at 0. Undefined where the engine counts nothing and never did. Pure.
 */
export function addTraffic(before: TrafficRecord | undefined, runId: string, figures: EngineFigures): TrafficRecord | undefined {
  const { transmitBytes, receiveBytes } = figures;
  if (transmitBytes === undefined || receiveBytes === undefined) return before;
  const engine = { transmitBytes, receiveBytes };
  if (before === undefined) return { version: 1, runId, engine, total: engine };
  const goesOn = before.runId === runId && transmitBytes >= before.engine.transmitBytes && receiveBytes >= before.engine.receiveBytes;
  const since = goesOn ? before.engine : { transmitBytes: 0, receiveBytes: 0 };
  const total = {
    transmitBytes: before.total.transmitBytes + transmitBytes - since.transmitBytes,
    receiveBytes: before.total.receiveBytes + receiveBytes - since.receiveBytes,
  };
  return { version: 1, runId, engine, total };
}

/** Undefined where there is none that can be read: then the counting begins anew. */
export function readTraffic(path: string): TrafficRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as Partial<TrafficRecord>;
    const whole = record.version === 1 && typeof record.runId === 'string' && isTraffic(record.engine) && isTraffic(record.total);
    return whole ? (record as TrafficRecord) : undefined;
  } catch {
    return undefined;
  }
}

function isTraffic(value: Partial<Traffic> | undefined): boolean {
  return Number.isFinite(value?.transmitBytes) && Number.isFinite(value?.receiveBytes);
}

/** Survives a kill of the daemon; it is not flushed to the disk. Rejects with what the disk refuses with. */
export async function writeTraffic(path: string, record: TrafficRecord): Promise<void> {
  const temporary = `${path}.tmp`;
  await writeFile(temporary, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}
