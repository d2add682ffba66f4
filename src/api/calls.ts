/** What services read from the call they serve. */
import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect';
import { AgentError } from '../kernel/errors.ts';
import { CallContext } from './dispatch/context.ts';
import { type Call, callKey } from './seam.ts';

type WithValues = Pick<HandlerContext, 'values'>;

/** The call that the gate made. Without one nothing is served: no check may be bypassed. */
export function callOf(context: WithValues): Call {
  const call = context instanceof CallContext ? context.call : context.values.get(callKey);
  if (call === undefined) throw new AgentError('INTERNAL', 'a call reached a service without passing the gate');
  return call;
}

/** Who changes something by this call, and why, as revisions and events name it. */
export function authorOf(
  context: WithValues,
  reason: string,
): { readonly name: string; readonly reason: string; readonly traceId: string } {
  const { principal, span } = callOf(context);
  return { name: principal.name, reason, traceId: span.traceId };
}

/** Fires when the client leaves, the deadline passes, or the call is cut. */
export function callSignal(context: HandlerContext): AbortSignal {
  const call = callOf(context);
  return call.signal === context.signal ? call.signal : AbortSignal.any([call.signal, context.signal]);
}

/**
 * Why a stream is to end with an error: the call was cut (its reason is an AgentError), or its deadline passed.
 * Undefined when the client just left.
 */
export function endingOf(signal: AbortSignal): unknown {
  if (!signal.aborted) return undefined;
  const reason: unknown = signal.reason;
  if (reason instanceof AgentError) return reason.reason === 'CANCELED' ? undefined : reason;
  if (reason instanceof ConnectError && (reason.code === Code.DeadlineExceeded || reason.cause instanceof AgentError)) return reason;
  return undefined;
}
