/** The error of Connect, and of what Connect's handlers serve. */
import { ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '../../../gen/es/google/rpc/error_details_pb.js';
import { AgentError } from '../../kernel/errors.ts';
import { cutText, maxMessageBytes } from '../errors/bounded.ts';
import { grpcCode, retryAfterSeconds } from '../errors/codes.ts';
import { fromUnknown } from '../errors/known.ts';
import { errorDetails } from '../errors/status.ts';

/** For Connect's handlers. The AgentError is its `cause`; a ConnectError with ErrorInfo passes as it is. */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError && !(error.cause instanceof AgentError) && error.findDetails(ErrorInfoSchema).length > 0) return error;
  if (error instanceof ConnectError && error.cause instanceof AgentError && error.details.length > 0) return error;
  const agentError = fromUnknown(error);
  const seconds = retryAfterSeconds(agentError);
  const metadata = new Headers(error instanceof ConnectError ? error.metadata : undefined);
  if (seconds !== undefined) metadata.set('retry-after', String(seconds));
  return new ConnectError(
    cutText(agentError.message, maxMessageBytes),
    grpcCode(agentError.code),
    metadata,
    errorDetails(agentError),
    agentError,
  );
}
