import { AgentError, invalid } from '../kernel/errors.ts';
import type { UnitSettings } from '../settings/types.ts';
import { type InlineSettings, inlineUnit, judgeInline, maxInline } from './inline-gate.ts';
import type { Instance } from './instance.ts';
import type { Roster } from './roster.ts';
import type { StartOptions } from './types.ts';

export interface StartRequests {
  readonly roster: Roster;
  /** What is being removed, until nothing of it is left. */
  readonly leaving: ReadonlyMap<string, Promise<void>>;
  inline(): InlineSettings;
  add(unit: UnitSettings, isInline: boolean): Instance;
  remove(instance: Instance): Promise<void>;
  /** Throws SHUTTING_DOWN. */
  refuseWhenClosing(id: string): void;
}

export interface PreparedStart {
  readonly instance: Instance;
  /** What the request brings of its own: taken by the start, if that is not refused. */
  readonly unit: UnitSettings | undefined;
}

/** Finds, or makes, what a start request is about. Throws what the request is refused with. */
export function prepareStart(requests: StartRequests, id: string, start: StartOptions): Promise<PreparedStart> | PreparedStart {
  return start.command.length > 0 ? prepareInline(requests, id, start) : prepareKnown(requests, id, start);
}

async function prepareInline(requests: StartRequests, id: string, start: StartOptions): Promise<PreparedStart> {
  const { roster, leaving } = requests;
  judgeInline(requests.inline(), id, start.command);
  const unit = inlineUnit(id, start);
  await leaving.get(id);
  requests.refuseWhenClosing(id);
  const present = roster.get(id);
  if (present === undefined) {
    makeRoom(requests);
    return { instance: requests.add(unit, true), unit };
  }
  if (!present.inline) throw invalid([{ field: 'command', message: `must be empty: ${id} is declared in the configuration` }]);
  return { instance: present, unit };
}

function prepareKnown({ roster, inline }: StartRequests, id: string, start: StartOptions): PreparedStart {
  const instance = roster.find(id);
  if (instance.inline) judgeInline(inline(), id, instance.unit().command);
  if (Object.keys(start.env).length > 0 || start.cwd !== '') {
    throw invalid([{ field: start.cwd === '' ? 'env' : 'cwd', message: 'goes with a command of its own only' }]);
  }
  return { instance, unit: undefined };
}

function makeRoom({ roster, remove }: StartRequests): void {
  const present = roster.all().filter((instance) => instance.inline && !instance.isLeaving());
  if (present.length < maxInline) return;
  const idle = present.find((instance) => ['STOPPED', 'EXITED', 'CRASH_LOOP'].includes(instance.life().phase.state));
  if (idle === undefined) throw new AgentError('PROCESS_LIMIT_REACHED', `${maxInline} inline processes are there already`);
  void remove(idle);
}
