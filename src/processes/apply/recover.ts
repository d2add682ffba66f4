import type { Change } from '../../documents/index.ts';
import type { Logger } from '../../telemetry/types.ts';
import type { ConfigHolder } from './holder.ts';
import { proofsOf } from './proofs.ts';
import type { ApplyPhase, ApplyRecord, ApplyResult } from './types.ts';

/** What a death of the agent left of an apply, once its file is in order again. */
export interface Recovered {
  readonly record: ApplyRecord;
  readonly result: Extract<ApplyResult, 'APPLIED' | 'REJECTED' | 'ROLLED_BACK'>;
  /** Whether the engine may run with a config that is not in its file any more. */
  readonly mustTakeUp: boolean;
}

/** Phases in which the engine may have been made to take up the candidate. */
const touched: readonly ApplyPhase[] = ['VERIFYING', 'ROLLING_BACK'];

/**
 * Puts the file of a config in order after a death of the agent, before anything is started: a change that had proved itself is finished,
 * every other one undone. `record` is the apply that was under way, if one was.
 */
export async function recoverDocument(
  { document, id }: ConfigHolder,
  record: ApplyRecord | undefined,
  logger: Logger,
): Promise<Recovered | undefined> {
  await document.run(async () => {
    const change = document.interrupted;
    if (change !== undefined) await endChange(change, record?.phase === 'COMMITTED');
  });
  if (record === undefined) return undefined;
  const applied = record.revision > 0 && document.head?.revision === record.revision;
  const reached = record.phase !== 'CHECKING' && record.revision > 0;
  logger.warn({ process: id, apply: record.id, phase: record.phase, applied }, 'an apply was interrupted by the end of the agent');
  if (applied)
    return { record, result: 'APPLIED', mustTakeUp: proofsOf(document).running !== record.revision && record.phase !== 'COMMITTED' };
  return { record, result: reached ? 'ROLLED_BACK' : 'REJECTED', mustTakeUp: touched.includes(record.phase) };
}

async function endChange(change: Change, proved: boolean): Promise<void> {
  if (!proved) return change.rollBack({ result: 'ROLLED_BACK' });
  change.write();
  await change.commit();
}
