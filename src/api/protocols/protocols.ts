/** All protocols over one list of methods, found by content type. */
import type { ConnectRouterOptions } from '@connectrpc/connect';
import type { Settings } from '../../settings/types.ts';
import type { Protocol, ServedMethod, ServingProtocol } from '../seam.ts';
import { createConnectStream, createConnectUnary } from './connect.ts';
import { type ConnectHandlers, createConnectHandlers } from './connect-handlers.ts';
import { createGrpc } from './grpc.ts';
import { createGrpcWeb, createGrpcWebText } from './grpc-web.ts';
import { createPlainText } from './plain-text.ts';
import { createRest, type RestProtocol } from './rest.ts';

export interface Protocols {
  readonly grpc: ServingProtocol;
  readonly grpcWeb: ServingProtocol;
  readonly grpcWebText: ServingProtocol;
  readonly connectUnary: ServingProtocol;
  readonly connectStream: ServingProtocol;
  readonly rest: RestProtocol;
  /** What answers on the path of an RPC in no protocol of the caller's. */
  readonly plainText: Protocol;
  /** The protocol that is meant by the media type of a request to the path of an RPC. */
  byType(mediaType: string): ServingProtocol | undefined;
}

interface ProtocolsOptions {
  readonly methods: readonly ServedMethod[];
  /** Read at every use, so that a reload takes effect. */
  readonly limits: () => Settings['api']['limits'];
  readonly connect: ConnectRouterOptions;
  /** False leaves the errors of gRPC and Connect without details (the conformance suite wants them bare). */
  readonly details: boolean;
}

/** Connect's handlers take their limit when they are made: a new limit makes new ones, and calls under way keep theirs. */
function handlersFor({ limits, connect, details }: ProtocolsOptions): () => ConnectHandlers {
  let made: { readonly maxBytes: number; readonly handlers: ConnectHandlers } | undefined;
  return () => {
    const maxBytes = limits().messageBytes;
    if (made?.maxBytes !== maxBytes) {
      const options = { connect: { readMaxBytes: maxBytes, ...connect }, jsonLimits: limits, details };
      made = { maxBytes, handlers: createConnectHandlers(options) };
    }
    return made.handlers;
  };
}

export function createProtocols(options: ProtocolsOptions): Protocols {
  const { methods, limits, connect, details } = options;
  const handlers = handlersFor(options);
  const maxBytes = (): number => connect.readMaxBytes ?? limits().messageBytes;
  const rpc = {
    grpc: createGrpc({ handlers, maxBytes, details }),
    grpcWeb: createGrpcWeb(handlers, details),
    grpcWebText: createGrpcWebText(handlers, details),
    connectUnary: createConnectUnary(handlers),
    connectStream: createConnectStream(handlers),
  };
  const byType = new Map(Object.values(rpc).flatMap((protocol) => protocol.mediaTypes.map((type) => [type, protocol] as const)));
  return {
    ...rpc,
    rest: createRest(methods, limits),
    plainText: createPlainText([...byType.keys()]),
    byType: (mediaType) => byType.get(mediaType),
  };
}
