/** gRPC-Web: served by Connect's handlers; an error alone is an answer without a body whose status stands in its headers. */

import { errorHeaders } from '../errors/codes.ts';
import type { ServingProtocol } from '../seam.ts';
import { answerEarly } from '../transports/body.ts';
import type { ConnectHandlers } from './connect-handlers.ts';
import { grpcStatus } from './grpc-status.ts';

export function createGrpcWeb(handlers: () => ConnectHandlers, details: boolean): ServingProtocol {
  return {
    name: 'grpc_web',
    frameBytes: 5,
    matches: (type) => /^application\/grpc-web(\+|;|$)/.test(type),
    serve: (call, method, exchange) => handlers().serve(call, method, exchange),
    refuse(exchange, error) {
      const headers = { 'content-type': 'application/grpc-web+proto', ...grpcStatus(error, details), ...errorHeaders(error) };
      return answerEarly(exchange, { status: 200, headers, body: exchange.http2 ? undefined : '' });
    },
  };
}
