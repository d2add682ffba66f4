/** The error of Connect, and of what Connect's handlers serve. */
import { create, toBinary } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { errorToJson } from '@connectrpc/connect/protocol-connect';
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
  const message = cutText(agentError.message, maxMessageBytes);
  const details = errorDetails(agentError);
  const made = new ConnectError(message, grpcCode(agentError.code), metadata, details, agentError);
  // Connect writes each detail twice, for programs and, under `debug`, for people. Where both are too much the programs' stays.
  if (jsonBytes(made) > maxDetailsBytes)
    made.details = details.map(({ desc, value }) => ({ type: desc.typeName, value: toBinary(desc, create(desc, value)) }));
  return made;
}

/** What clients are promised of details, in the JSON of Connect too. */
const maxDetailsBytes = 4096;

function jsonBytes(error: ConnectError): number {
  const { details } = errorToJson(error, undefined) as { readonly details?: unknown };
  return Buffer.byteLength(JSON.stringify(details) ?? '');
}
