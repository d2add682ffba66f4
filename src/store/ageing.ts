import { readFileSync } from 'node:fs';
import type { Clock } from '../kernel/clock.ts';
import type { Store } from './types.ts';

/**
 * A time for retention that no change of the wall clock moves. Within one boot of the machine it follows the uptime, also
 * over restarts of the agent; after another boot it goes on from the wall clock, but never back.
 */
export interface Ageing {
  /** Milliseconds, near Unix time while the wall clock behaves. */
  nowMs(): number;
}

/** What is known of the machine's boot. */
export interface Boot {
  /** Another one after each boot; empty when unknown. */
  readonly id: string;
  uptimeMs(): number;
}

export function systemBoot(clock: Clock): Boot {
  try {
    const id = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return { id, uptimeMs: () => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000 };
  } catch {
    return { id: '', uptimeMs: () => clock.monotonicMs() };
  }
}

/** How often the time that was reached is written down, for a boot to go on from. */
const saveEveryMs = 3_600_000;
const resyncMs = 1000;

export async function openAgeing(store: Store, clock: Clock, boot: Boot): Promise<Ageing & { stop(): void }> {
  const wallMs = clock.wallMs();
  const offsetMs = await store.write<number>('ageing', 'begin', { bootId: boot.id, uptimeMs: boot.uptimeMs(), wallMs });
  let anchor = { atMs: clock.monotonicMs(), ageMs: boot.uptimeMs() + offsetMs };
  let reachedMs = 0;
  const nowMs = (): number => {
    const sinceMs = clock.monotonicMs() - anchor.atMs;
    // The monotonic clock stands still while the machine sleeps; the uptime does not.
    if (sinceMs > resyncMs) anchor = { atMs: clock.monotonicMs(), ageMs: boot.uptimeMs() + offsetMs };
    reachedMs = Math.max(reachedMs, anchor.ageMs + Math.min(sinceMs, clock.monotonicMs() - anchor.atMs));
    return Math.floor(reachedMs);
  };
  const save = (): void => {
    store.write('ageing', 'reached', nowMs()).catch(() => {});
  };
  return { nowMs, stop: clock.every(saveEveryMs, save) };
}
