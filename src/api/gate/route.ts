import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { AgentError } from '../../kernel/errors.ts';
import type { Protocols } from '../protocols/protocols.ts';
import type { PlainRoute, Protocol, RestMatch, ServedMethod, ServingProtocol } from '../seam.ts';
import { type Exchange, mediaTypeOf } from '../transports/exchange.ts';

export type Route =
  | { readonly kind: 'call'; readonly method: ServedMethod; readonly protocol: ServingProtocol; readonly match: RestMatch | undefined }
  | { readonly kind: 'plain'; readonly route: PlainRoute; readonly protocol: Protocol }
  | { readonly kind: 'none'; readonly protocol: Protocol; readonly error: AgentError; readonly allow?: readonly string[] };

export interface Routes {
  readonly methods: ReadonlyMap<string, ServedMethod>;
  readonly plain: ReadonlyMap<string, PlainRoute>;
  readonly protocols: Protocols;
}

/** Finds what a request is for. Never throws, whatever the path. */
export function routeOf(exchange: Exchange, path: string, routes: Routes): Route {
  const method = routes.methods.get(path);
  if (method !== undefined) return rpcRoute(exchange, method, routes.protocols);
  const { rest } = routes.protocols;
  const plain = routes.plain.get(path);
  if (plain !== undefined) {
    const asked = exchange.method === 'GET' || exchange.method === 'HEAD';
    return asked ? { kind: 'plain', route: plain, protocol: rest } : notAllowed(rest, `${exchange.method} ${path}`, ['GET', 'HEAD']);
  }
  return restRoute(exchange, path, routes.protocols);
}

function rpcRoute(exchange: Exchange, method: ServedMethod, protocols: Protocols): Route {
  const sideEffectFree = method.desc.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS && !method.stream;
  if (exchange.method === 'GET' && sideEffectFree && /[?&]encoding=/.test(exchange.target)) {
    return { kind: 'call', method, protocol: protocols.connectUnary, match: undefined };
  }
  if (exchange.method !== 'POST')
    return notAllowed(protocols.plainText, `${exchange.method} ${method.path}`, sideEffectFree ? ['POST', 'GET'] : ['POST']);
  const protocol = protocols.byType(mediaTypeOf(exchange));
  const { connectUnary, connectStream, grpc, grpcWeb, grpcWebText, plainText } = protocols;
  const [connect, other] = method.stream ? [connectStream, connectUnary] : [connectUnary, connectStream];
  if (protocol === undefined || protocol === other) {
    const message = `${method.path} takes ${[connect, grpc, grpcWeb, grpcWebText].flatMap(({ mediaTypes }) => mediaTypes).join(', ')}`;
    return { kind: 'none', protocol: plainText, error: new AgentError('MEDIA_TYPE_UNSUPPORTED', message) };
  }
  if (method.desc.methodKind === 'bidi_streaming' && !exchange.http2) {
    const error = new AgentError('RPC_UNIMPLEMENTED', `${method.path} needs HTTP/2`, { metadata: { needs: 'http2' } });
    return { kind: 'none', protocol, error };
  }
  return { kind: 'call', method, protocol, match: undefined };
}

function restRoute(exchange: Exchange, path: string, protocols: Protocols): Route {
  const { rest } = protocols;
  const match = rest.match(exchange.method, path);
  switch (match.kind) {
    case 'route':
      return { kind: 'call', method: match.method, protocol: rest, match };
    case 'method_not_allowed':
      return notAllowed(rest, `${exchange.method} ${path}`, match.allow);
    case 'none':
      return notFound(exchange, path, protocols);
  }
}

/** `/package.Service/Method`: what only an RPC client asks for. */
const rpcPath = /^\/[\w.]+\.\w+\/\w+$/;

function notFound(exchange: Exchange, path: string, protocols: Protocols): Route {
  const { plainText, rest } = protocols;
  const protocol = protocols.byType(mediaTypeOf(exchange));
  const shown = JSON.stringify(path.slice(0, 200));
  if (protocol?.name === 'grpc' || protocol?.name === 'grpc_web') {
    return { kind: 'none', protocol, error: new AgentError('RPC_UNIMPLEMENTED', `there is no RPC at ${shown}`) };
  }
  // Connect's clients take a 404 that is no error of Connect's for `unimplemented`, which it is.
  const connect = rpcPath.test(path) && exchange.headers['connect-protocol-version'] !== undefined;
  return { kind: 'none', protocol: connect ? plainText : rest, error: new AgentError('ROUTE_NOT_FOUND', `there is nothing at ${shown}`) };
}

/** `asked` is the method with the path, as the caller sent them. */
function notAllowed(protocol: Protocol, asked: string, allow: readonly string[]): Route {
  const message = `${JSON.stringify(asked.slice(0, 200))} is not served; this path takes ${allow.join(', ')}`;
  return { kind: 'none', protocol, error: new AgentError('METHOD_NOT_ALLOWED', message), allow };
}
