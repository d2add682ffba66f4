/** What interceptors and services read from the call they serve. */
import { Code, ConnectError, type ContextValues, type HandlerContext } from '@connectrpc/connect';
import { AgentError } from '../kernel/errors.ts';
import { type Call, callKey } from './seam.ts';

type WithValues = Pick<HandlerContext, 'values'>;

/** The call that the gate made. Without one nothing is served: no check may be bypassed. */
export function callOf(context: WithValues): Call {
  const call = context.values.get(callKey);
  if (call === undefined) throw new AgentError('INTERNAL', 'a call reached a service without passing the gate');
  return call;
}

export function callIn(values: ContextValues): Call | undefined {
  return values.get(callKey);
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
  if (reason instanceof AgentError) return reason;
  if (reason instanceof ConnectError && (reason.code === Code.DeadlineExceeded || reason.cause instanceof AgentError)) return reason;
  return undefined;
}

/** Whether answers leave as JSON: REST, and Connect or gRPC with a JSON codec. */
export function speaksJson(context: HandlerContext): boolean {
  if (callOf(context).protocol === 'rest') return true;
  if (context.requestMethod === 'GET') return /[?&]encoding=json(&|$)/.test(context.url);
  return (context.requestHeader.get('content-type') ?? '').includes('json');
}
