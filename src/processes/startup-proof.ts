import { readFile } from 'node:fs/promises';
import type { Clock } from '../kernel/clock.ts';
import type { Collection } from '../logs/types.ts';
import type { Engine } from './engines/index.ts';
import { formatOf, readConfig } from './engines/read-config.ts';
import { openPorts } from './open-ports.ts';

/** A start that is not proved by then has failed. */
export const startTimeoutMs = 30_000;
const pollMs = 100;
/** Where neither mark nor listener can prove it, an engine that still lives by then counts as started. */
const bareAliveMs = 1000;

export interface ProofOptions {
  readonly engine: Engine;
  readonly configPath: string | undefined;
  readonly pid: number;
  /** Where its mark is looked for; undefined = its listeners alone count. */
  readonly collection?: Collection;
  readonly clock: Clock;
  /** Not proved by then, it has failed. */
  readonly timeoutMs: number;
  /** Fires when the run has ended or is being stopped. */
  readonly signal: AbortSignal;
}

/** The TCP ports that the config promises; none where it cannot be read: the engine itself says so, better. */
async function promisedPorts(engine: Engine, configPath: string | undefined): Promise<readonly number[]> {
  try {
    if (configPath === undefined) return [];
    const config = readConfig(engine, await readFile(configPath, 'utf8'), formatOf(engine, configPath));
    if (!config.ok) return [];
    return engine.listeners(config.document).flatMap((listener) => (listener.network === 'tcp' ? [listener.port] : []));
  } catch {
    return [];
  }
}

/**
 * Waits until an engine has proved its start: by its mark in the log, or (at quiet log levels it prints none) by all TCP
 * listeners of its config being open and its own. False when the time is over; rejects when the signal fires.
 */
export async function proveStartup({ engine, configPath, pid, collection, clock, signal, timeoutMs }: ProofOptions): Promise<boolean> {
  let marked = false;
  const stopListening = collection?.onLine((line) => {
    marked ||= engine.startupMark.test(line);
  });
  try {
    const ports = await promisedPorts(engine, configPath);
    const began = clock.monotonicMs();
    for (;;) {
      const aliveMs = clock.monotonicMs() - began;
      if (marked) return true;
      if (ports.length === 0 && aliveMs >= bareAliveMs) return true;
      if (ports.length > 0) {
        const open = await openPorts(pid);
        if (ports.every((port) => open.has(port))) return true;
      }
      if (aliveMs >= timeoutMs) return false;
      await clock.sleep(pollMs, signal);
    }
  } finally {
    stopListening?.();
  }
}
