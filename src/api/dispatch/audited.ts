import type { Audit } from '../../audit/types.ts';
import { systemClock } from '../../kernel/clock.ts';
import { auditCall, failure, success } from '../audit-entry.ts';
import { callOf } from '../calls.ts';
import { fromUnknown } from '../errors/known.ts';
import type { RpcMethod, UnaryRun } from '../seam.ts';

/**
 * The work of a method with its entry in the audit: what is to be done is on disk before it is done, and how it ended before it is
 * answered. Where the audit cannot be written nothing is done.
 */
export function audited(audit: Pick<Audit, 'begin'>, method: RpcMethod, work: UnaryRun): UnaryRun {
  if (method.audit.kind !== 'changes') return work;
  return async (message, context) => {
    const call = callOf(context);
    call.audited();
    const entry = await audit.begin(auditCall(call, systemClock.wallMs(), message));
    let answer: Awaited<ReturnType<UnaryRun>>;
    try {
      answer = await work(message, context);
    } catch (error) {
      await entry.finish(failure(fromUnknown(error)));
      throw error;
    }
    await entry.finish(success(method, answer));
    return answer;
  };
}
