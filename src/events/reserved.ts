import { AgentError } from '../kernel/errors.ts';
import { isOwnSource, ownSource } from '../kernel/own-names.ts';

/** Families of types that say what the agent itself did or saw. */
const ownFamilies: ReadonlySet<string> = new Set(['process', 'alert', 'agent', 'store', 'apply']);

/** Whether a type is of a family that comes from inside alone: `process.exited`, `alert.firing`. */
export function isOwnType(type: string): boolean {
  const dot = type.indexOf('.');
  return ownFamilies.has(dot < 0 ? type : type.slice(0, dot));
}

/** What of an event decides whose it is. */
interface Claim {
  readonly type: string;
  readonly source: string;
}

/**
 * Refuses an event that comes from outside and speaks as the agent: whoever publishes it, `admin` too, since a reader of the journal
 * must be able to believe it. Throws EVENT_RESERVED.
 */
export function refuseReserved({ type, source }: Claim): void {
  if (isOwnSource(source)) throw reserved('source', ownSource, `the source ${ownSource} is the agent's own`);
  if (isOwnType(type)) throw reserved('type', type, `events of type ${type} come from the agent alone`);
}

function reserved(field: string, value: string, why: string): AgentError {
  return new AgentError('EVENT_RESERVED', `${why}; the event was not stored`, { metadata: { field, value } });
}
