import { standardRedactor } from '../kernel/redaction.ts';
import type { UnitSettings } from '../settings/types.ts';
import type { InstanceState } from './instance-state.ts';
import { plannedCommand } from './plan.ts';
import type { ProcessView } from './types.ts';

/** The picture of a process at this moment, as others see it. */
export function viewOf(unit: UnitSettings, s: InstanceState, inline: boolean): ProcessView {
  return {
    id: unit.id,
    engine: unit.engine ?? '',
    command: standardRedactor.command(plannedCommand(unit)),
    configPath: unit.configPath ?? '',
    inline,
    desired: s.desired,
    state: s.state,
    pid: s.run?.pid ?? 0,
    startTimeMs: s.run?.startTimeMs,
    restartCount: s.restartCount,
    restartsTotal: s.restartsTotal,
    nextStartTimeMs: s.nextStartTimeMs,
    reason: s.reason,
    message: s.message,
    exit: s.exit,
    dependsOn: unit.dependsOn,
    // Of this daemon's life: another one counts from the moment of its own start.
    etag: `${s.epoch}-${s.version}`,
  };
}
