/** The status of gRPC and gRPC-Web, as headers or trailers carry it. */
import { toBinary } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import { StatusSchema } from '../../../gen/es/google/rpc/status_pb.js';
import { AgentError } from '../../kernel/errors.ts';
import { cutText, maxMessageBytes } from '../errors/bounded.ts';
import { grpcCode } from '../errors/codes.ts';
import { fromUnknown } from '../errors/known.ts';
import { toStatus } from '../errors/status.ts';
import type { Head } from '../transports/exchange.ts';
import { nodeHeaders } from '../transports/web-headers.ts';

function percentEncoded(text: string): string {
  return text.replace(/[^ -$&-~]+/gu, encodeURIComponent);
}

/**
 * A message as gRPC's protocol writes it: bytes outside printable ASCII, and the percent sign, are encoded. That may make it three
 * times as long, and clients take 8 KiB of trailers in all: what is too long ends between two characters.
 */
export function grpcMessage(text: string): string {
  const whole = text.toWellFormed();
  const encoded = percentEncoded(whole);
  if (encoded.length <= maxMessageBytes) return encoded;
  let kept = '';
  for (const character of whole) {
    const next = kept + percentEncoded(character);
    if (next.length > maxMessageBytes) break;
    kept = next;
  }
  return kept;
}

/** grpc-status, grpc-message and details, as headers or trailers. */
export function grpcStatus(error: unknown, details: boolean): Head {
  if (error instanceof ConnectError && !(error.cause instanceof AgentError)) return nodeHeaders(setTrailerStatus(new Headers(), error));
  const known = fromUnknown(error);
  const status: Head = {
    'grpc-status': String(grpcCode(known.code)),
    'grpc-message': grpcMessage(cutText(known.message, maxMessageBytes)),
  };
  if (!details) return status;
  const bin = Buffer.from(toBinary(StatusSchema, toStatus(known))).toString('base64');
  return { ...status, 'grpc-status-details-bin': bin.replace(/=+$/, '') };
}
