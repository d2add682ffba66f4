/** The outermost interceptor: what services throw becomes what the wire carries, and the call learns how it ended. */
import type { Message } from '@bufbuild/protobuf';
import type { Interceptor } from '@connectrpc/connect';
import { callIn } from '../calls.ts';
import type { Call } from '../seam.ts';
import { fromUnknown, toConnectError } from '../wire-error.ts';

/** REST writes errors itself and keeps the AgentError; Connect's handlers want a ConnectError. */
function failed(call: Call | undefined, error: unknown): unknown {
  const agentError = fromUnknown(error);
  call?.outcome(agentError.code, error);
  return call?.protocol === 'rest' ? agentError : toConnectError(error);
}

async function* watched(messages: AsyncIterable<Message>, call: Call | undefined): AsyncGenerator<Message> {
  try {
    yield* messages;
    // A stream that ended without an error because its client left was not completed.
    call?.outcome(call.signal.aborted ? 'canceled' : 'ok');
  } catch (error) {
    throw failed(call, error);
  } finally {
    // Reached without a word when the reader left in the middle: the first word stands.
    call?.outcome('canceled');
  }
}

export const errors: Interceptor = (next) => async (request) => {
  const call = callIn(request.contextValues);
  try {
    const response = await next(request);
    if (response.stream) return { ...response, message: watched(response.message, call) };
    call?.outcome('ok');
    return response;
  } catch (error) {
    throw failed(call, error);
  }
};
