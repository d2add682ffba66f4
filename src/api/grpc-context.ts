import type { DescMethod } from '@bufbuild/protobuf';
import { type ConnectError, createHandlerContext } from '@connectrpc/connect';
import type { UniversalServerRequest, validateUniversalHandlerOptions } from '@connectrpc/connect/protocol';
import { parseTimeout } from '@connectrpc/connect/protocol-grpc';

export interface GrpcContext {
  readonly context: ReturnType<typeof createHandlerContext>;
  /** What is wrong with `grpc-timeout`: the answer, once there can be one. */
  readonly timeoutError: ConnectError | undefined;
}

/** What a call over one of the short paths of gRPC runs in: as Connect's own handlers make it. */
export function grpcContext(
  method: DescMethod,
  request: UniversalServerRequest,
  options: ReturnType<typeof validateUniversalHandlerOptions>,
): GrpcContext {
  const timeout = parseTimeout(request.header.get('grpc-timeout'), options.maxTimeoutMs);
  const context = createHandlerContext({
    ...{ service: method.parent, method, protocolName: 'grpc', requestMethod: request.method, url: request.url },
    ...{ requestSignal: request.signal, requestHeader: request.header },
    ...(timeout.timeoutMs !== undefined && { timeoutMs: timeout.timeoutMs }),
    ...(options.shutdownSignal !== undefined && { shutdownSignal: options.shutdownSignal }),
    ...(request.contextValues !== undefined && { contextValues: request.contextValues }),
    responseHeader: { 'content-type': 'application/grpc+proto' },
    responseTrailer: { 'grpc-status': '0' },
  });
  return { context, timeoutError: timeout.error };
}
