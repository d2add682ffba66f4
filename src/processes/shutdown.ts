import type { Clock } from '../kernel/clock.ts';
import { within } from '../kernel/within.ts';
import type { Logger } from '../telemetry/types.ts';
import { dependentsOf, startOrder } from './dependencies.ts';
import type { Instance } from './instance.ts';
import type { Roster } from './roster.ts';

/** What the end of the daemon keeps back of its deadline for SIGKILL. */
const killReserveMs = 1500;

/** Lets go of what outlives the daemon and ends the rest, dependents first; over at the deadline, whatever was adopted. */
export async function shutDownAll(
  roster: Roster,
  { deadlineMs, clock, logger }: { readonly deadlineMs: number; readonly clock: Clock; readonly logger: Logger },
): Promise<void> {
  const kept = (instance: Instance): boolean => !instance.isLeaving() && instance.unit().onAgentExit === 'keep';
  const instances = new Map(roster.all().map((instance) => [instance.id, instance]));
  for (const instance of instances.values()) if (kept(instance)) instance.release();
  const until = clock.monotonicMs() + deadlineMs - killReserveMs;
  const units = roster.units();
  const ending = new Map<string, Promise<void>>();
  for (const id of [...startOrder(units)].reverse()) {
    const instance = instances.get(id);
    if (instance === undefined || kept(instance)) continue;
    const after = dependentsOf(units, id).flatMap((other) => ending.get(other) ?? []);
    const end = async (): Promise<void> => {
      await Promise.allSettled(after);
      await instance.shutdown(Math.max(0, Math.min(instance.unit().stop.graceMs, until - clock.monotonicMs())));
    };
    ending.set(id, end());
  }
  const results = Promise.allSettled(ending.values());
  if (!(await within(clock, deadlineMs, results))) {
    const late = roster.all().filter((instance) => instance.view().pid > 0 && !kept(instance));
    logger.error({ processes: late.map((instance) => instance.id) }, 'processes were still there at the deadline');
    for (const instance of roster.all()) instance.release();
    return;
  }
  for (const result of await results) {
    if (result.status === 'rejected') logger.error({ error: result.reason }, 'a process could not be stopped');
  }
}
