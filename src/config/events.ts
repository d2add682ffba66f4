import type { Journal } from '../events/index.ts';
import type { JsonObject } from '../events/types.ts';
import type { AgentError } from '../kernel/errors.ts';
import type { Author, KeyChange } from './types.ts';

export type ConfigEvents = ReturnType<typeof createConfigEvents>;

interface AppliedChange {
  readonly revision: number;
  readonly changes: readonly KeyChange[];
  readonly author: Author;
  readonly stoppedUnits?: readonly string[];
  /** The revision that was put back. */
  readonly restored?: number | undefined;
}

const subject = 'agent';
const mostKeys = 200;

/** One event a change, subject `agent`, under the trace of the call. Values stay out of the journal; the revisions have them, masked. */
export function createConfigEvents(journal: Pick<Journal, 'emit'>) {
  const under = ({ traceId }: Author): { readonly traceId?: string } => (traceId === '' ? {} : { traceId });
  return {
    applied({ revision, changes, stoppedUnits = [], author, restored }: AppliedChange): void {
      const named = (effect: KeyChange['effect']): string[] =>
        changes
          .filter((change) => change.effect === effect)
          .slice(0, mostKeys)
          .map(({ path }) => path);
      const data: JsonObject = {
        applied: named('APPLIED'),
        restart_required: named('RESTART_REQUIRED'),
        revision,
        author: author.name,
        ...(author.reason !== '' && { reason: author.reason }),
        ...(restored !== undefined && { restored_revision: restored }),
        ...(stoppedUnits.length > 0 && { stopped_units: stoppedUnits.slice(0, mostKeys) }),
      };
      journal.emit({ type: 'config.applied', subject, data, ...under(author) });
    },
    rejected(error: AgentError, author: Author): void {
      const data: JsonObject = {
        problem: error.message,
        reason: error.reason,
        author: author.name,
        ...error.metadata,
        violations: error.violations.slice(0, mostKeys).map(({ field, message }) => `${field}: ${message}`),
      };
      journal.emit({ type: 'config.rejected', subject, severity: 'WARNING', data, ...under(author) });
    },
  };
}
