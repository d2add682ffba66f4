import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { AgentError } from '../../kernel/errors.ts';
import { header, isHttp2 } from '../exchange.ts';
import type { Shape } from '../refusal.ts';
import type { Gateway, HttpRequest, PlainRoute, Protocol, RestMatch, RpcMethod } from '../seam.ts';

export type Route =
  | { readonly kind: 'rpc'; readonly method: RpcMethod; readonly protocol: Protocol; readonly shape: Shape }
  | { readonly kind: 'rest'; readonly method: RpcMethod; readonly match: RestMatch & { kind: 'route' } }
  | { readonly kind: 'plain'; readonly route: PlainRoute }
  | { readonly kind: 'none'; readonly shape: Shape; readonly error: AgentError; readonly allow?: readonly string[] };

export interface Routes {
  readonly methods: ReadonlyMap<string, RpcMethod>;
  readonly plain: ReadonlyMap<string, PlainRoute>;
  readonly gateway: Gateway;
}

/** In what shape the client of an RPC path reads errors, by its content type; undefined when none of the protocols is meant. */
export function shapeOf(contentType: string | undefined): Shape | undefined {
  const type = (contentType ?? '').toLowerCase();
  if (/^application\/grpc-web(\+|;|$)/.test(type)) return 'grpc_web';
  if (/^application\/grpc(\+|;|$)/.test(type)) return 'grpc';
  if (/^application\/connect\+(json|proto)(\s*;|$)/.test(type)) return 'connect_stream';
  if (/^application\/(json|proto)(\s*;|$)/.test(type)) return 'connect_unary';
  return undefined;
}

const protocols: Readonly<Record<Shape, Protocol>> = {
  grpc: 'grpc',
  grpc_web: 'grpc_web',
  connect_unary: 'connect',
  connect_stream: 'connect',
  rest: 'rest',
  text: 'rest',
};

/** Finds what a request is for. Never throws, whatever the path. */
export function routeOf(req: HttpRequest, target: { readonly path: string; readonly url: string }, routes: Routes): Route {
  const method = routes.methods.get(target.path);
  if (method !== undefined) return rpcRoute(req, target.url, method);
  const plain = routes.plain.get(target.path);
  if (plain !== undefined) {
    return req.method === 'GET' || req.method === 'HEAD'
      ? { kind: 'plain', route: plain }
      : notAllowed('rest', target.path, ['GET', 'HEAD']);
  }
  return restRoute(req, target.path, routes.gateway);
}

function rpcRoute(req: HttpRequest, url: string, method: RpcMethod): Route {
  const sideEffectFree = method.desc.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS && !method.stream;
  if (req.method === 'GET' && sideEffectFree && /[?&]encoding=/.test(url)) {
    return { kind: 'rpc', method, protocol: 'connect', shape: 'connect_unary' };
  }
  const shape = shapeOf(header(req, 'content-type'));
  if (req.method !== 'POST') return notAllowed('text', method.path, sideEffectFree ? ['POST', 'GET'] : ['POST']);
  const wanted = method.stream ? 'connect_stream' : 'connect_unary';
  if (shape === undefined || (shape.startsWith('connect') && shape !== wanted)) {
    const message = `${method.path} takes ${method.stream ? 'application/connect+json, connect+proto' : 'application/json, proto'}, grpc or grpc-web`;
    return { kind: 'none', shape: 'text', error: new AgentError('MEDIA_TYPE_UNSUPPORTED', message) };
  }
  if (method.desc.methodKind === 'bidi_streaming' && !isHttp2(req)) {
    const error = new AgentError('RPC_UNIMPLEMENTED', `${method.path} needs HTTP/2`, { metadata: { needs: 'http2' } });
    return { kind: 'none', shape, error };
  }
  return { kind: 'rpc', method, protocol: protocols[shape], shape };
}

function restRoute(req: HttpRequest, path: string, gateway: Gateway): Route {
  const match = matchOf(gateway, req.method ?? '', path);
  switch (match.kind) {
    case 'route':
      return { kind: 'rest', method: match.method, match };
    case 'method_not_allowed':
      return notAllowed('rest', path, match.allow);
    case 'none':
      return notFound(req, path);
  }
}

function matchOf(gateway: Gateway, httpMethod: string, path: string): RestMatch {
  try {
    return gateway.match(httpMethod, path);
  } catch {
    // A path that does not decode (`%ff`) names nothing.
    return { kind: 'none' };
  }
}

/** `/package.Service/Method`: what only an RPC client asks for. */
const rpcPath = /^\/[\w.]+\.\w+\/\w+$/;

function notFound(req: HttpRequest, path: string): Route {
  const shape = shapeOf(header(req, 'content-type'));
  const shown = JSON.stringify(path.slice(0, 200));
  if (shape === 'grpc' || shape === 'grpc_web') {
    return { kind: 'none', shape, error: new AgentError('RPC_UNIMPLEMENTED', `there is no RPC at ${shown}`) };
  }
  // Connect's clients take a 404 that is no error of Connect's for `unimplemented`, which it is.
  const connect = rpcPath.test(path) && req.headers['connect-protocol-version'] !== undefined;
  return { kind: 'none', shape: connect ? 'text' : 'rest', error: new AgentError('ROUTE_NOT_FOUND', `there is nothing at ${shown}`) };
}

function notAllowed(shape: Shape, path: string, allow: readonly string[]): Route {
  const message = `${JSON.stringify(path.slice(0, 200))} is not served with this method, but with ${allow.join(', ')}`;
  return { kind: 'none', shape, error: new AgentError('METHOD_NOT_ALLOWED', message), allow };
}
