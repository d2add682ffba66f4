import { standardRedactor } from '../kernel/redaction.ts';
import type { UnitSettings } from '../settings/types.ts';
import { runOf } from './lifecycle/transition.ts';
import type { Lifecycle } from './lifecycle/types.ts';
import { plannedCommand } from './plan.ts';
import type { ProcessView } from './types.ts';

export interface Shown {
  readonly life: Lifecycle;
  readonly inline: boolean;
  readonly configRevision: number;
  /** Of this daemon's life: another one counts from the moment of its own start. */
  readonly etag: string;
}

/** Masked once for a unit as it stands in the configuration: the picture is asked for much more often than the unit changes. */
const commands = new WeakMap<UnitSettings, readonly string[]>();

function commandOf(unit: UnitSettings): readonly string[] {
  let command = commands.get(unit);
  if (command === undefined) {
    command = standardRedactor.command(plannedCommand(unit));
    commands.set(unit, command);
  }
  return command;
}

/** The picture of a process at this moment, as others see it. */
export function viewOf(unit: UnitSettings, { life, inline, etag, configRevision }: Shown): ProcessView {
  const run = runOf(life.phase);
  return {
    id: unit.id,
    engine: unit.engine ?? '',
    command: commandOf(unit),
    configPath: unit.configPath ?? '',
    configRevision,
    inline,
    desired: life.desired,
    state: life.phase.state,
    pid: run?.pid ?? 0,
    startTimeMs: run?.startTimeMs,
    restartCount: life.restartCount,
    restartsTotal: life.restartsTotal,
    nextStartTimeMs: life.phase.state === 'BACKOFF' ? life.phase.dueWallMs : undefined,
    reason: life.reason,
    message: life.message,
    exit: life.exit,
    dependsOn: unit.dependsOn,
    etag,
  };
}
