/** Whatever is thrown as an AgentError: what is none goes out as INTERNAL with a neutral message, and its cause stays in our log. */
import { Code, ConnectError } from '@connectrpc/connect';
import type { ErrorReason } from '../../kernel/catalogue.ts';
import { AgentError } from '../../kernel/errors.ts';

const internalMessage = 'internal error; the log of the agent has the cause under the trace id';

/** The reason of an error that names only a code: what Connect itself found wrong. */
const reasonsByCode: Readonly<Partial<Record<Code, ErrorReason>>> = {
  [Code.Canceled]: 'CANCELED',
  [Code.DeadlineExceeded]: 'DEADLINE_EXCEEDED',
  [Code.ResourceExhausted]: 'MESSAGE_TOO_LARGE',
  [Code.InvalidArgument]: 'MALFORMED_BODY',
  [Code.Unimplemented]: 'RPC_UNIMPLEMENTED',
  [Code.Unavailable]: 'SHUTTING_DOWN',
  [Code.Unauthenticated]: 'TOKEN_INVALID',
  [Code.PermissionDenied]: 'SCOPE_MISSING',
  [Code.NotFound]: 'ROUTE_NOT_FOUND',
};

function fromConnect(error: ConnectError): AgentError {
  const message = error.rawMessage;
  // Connect calls a body that is no protobuf `internal`: it is the caller's.
  if (message.startsWith('parse binary')) return new AgentError('MALFORMED_BODY', message, { cause: error });
  // gRPC's protocol has INTERNAL for it, and it is the caller's too.
  if (message.startsWith('received compressed envelope')) return new AgentError('COMPRESSION_UNDECLARED', message, { cause: error });
  const reason = reasonsByCode[error.code];
  return reason === undefined
    ? new AgentError('INTERNAL', internalMessage, { cause: error })
    : new AgentError(reason, message, { cause: error });
}

/** Any thrown value as an AgentError; what is unknown becomes INTERNAL with a neutral message and the value as its cause. */
export function fromUnknown(error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  if (error instanceof ConnectError) return error.cause instanceof AgentError ? error.cause : fromConnect(error);
  if (error instanceof Error && error.name === 'TimeoutError')
    return new AgentError('DEADLINE_EXCEEDED', 'the call took too long', { cause: error });
  if (error instanceof Error && error.name === 'AbortError') return new AgentError('CANCELED', 'the call was ended', { cause: error });
  return new AgentError('INTERNAL', internalMessage, { cause: error });
}
