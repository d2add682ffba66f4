/**
 * The seam between the transport (listener and gate), the REST gateway and the service implementations.
 * Services are plain Connect implementations; whatever carries them (Connect's adapter, the gateway, later a short path)
 * meets them here and nowhere else, so that no check is ever bypassed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { type ConnectRouter, type ContextKey, createContextKey, type ServiceImpl } from '@connectrpc/connect';
import type { AgentError } from '../kernel/errors.ts';
import type { Principal, Scope } from '../kernel/principal.ts';
import type { CallSpan } from '../telemetry/types.ts';

export type Protocol = 'grpc' | 'grpc_web' | 'connect' | 'rest';
export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** One method as the gate and the gateway see it. */
export interface RpcMethod {
  /** `/sboxagent.v1.EventService/ListEvents`: the path of gRPC, gRPC-Web and Connect. */
  readonly path: string;
  readonly service: DescService;
  readonly desc: DescMethod;
  /** What the caller must have; `undefined` = nobody needs a token (health's status word). */
  readonly scope: Scope | undefined;
  /** Counts as a stream (any streaming kind) instead of a unary call. */
  readonly stream: boolean;
  /** Whether it counts against the rate limit. */
  readonly rateLimited: boolean;
}

/** A service with its implementation; the list of these is what the agent serves. */
export interface Mounted<S extends DescService = DescService> {
  readonly service: S;
  readonly implementation: Partial<ServiceImpl<S>>;
}

/** One call from its first header to its last byte. Made by the gate; services find it in the handler context. */
export interface Call {
  readonly protocol: Protocol;
  readonly method: RpcMethod;
  readonly principal: Principal;
  readonly span: CallSpan;
  /** Whether it came over the unix socket. */
  readonly local: boolean;
  /** Fires when the client leaves, and (with an AgentError as reason) when the call is cut, its token revoked, or the agent stops. */
  readonly signal: AbortSignal;
  /** Ends the call from our side: the implementation sees the signal, and a stream that still does not drain is reset. */
  cut(error: AgentError): void;
  /** How it ended, for span, metric and log: a canonical code (`ok`, `not_found`, …). The first word stands. */
  outcome(code: string, error?: unknown): void;
  /** What REST says besides the body, set by services: 200 instead of 201, Location. */
  readonly rest: { status?: number; location?: string };
}

export const callKey: ContextKey<Call | undefined> = createContextKey<Call | undefined>(undefined, { description: 'call' });

/** What the gateway makes of method and path. */
export type RestMatch =
  | { readonly kind: 'route'; readonly method: RpcMethod; readonly params: Readonly<Record<string, string>>; readonly route: RestRoute }
  | { readonly kind: 'method_not_allowed'; readonly allow: readonly string[] }
  | { readonly kind: 'none' };

/** One `google.api.http` rule, compiled. The gateway knows more of it than the gate needs. */
export interface RestRoute {
  readonly httpMethod: string;
  readonly template: string;
}

/** REST in front of the same implementations. */
export interface Gateway {
  /** HEAD is matched as GET. Paths come without query, still percent-encoded. */
  match(httpMethod: string, path: string): RestMatch;
  /** Reads the body (within limits), calls the implementation through its interceptors, writes the answer. Never throws. */
  serve(match: RestMatch & { kind: 'route' }, call: Call, req: HttpRequest, res: HttpResponse): Promise<void>;
}

/** A route that is no RPC: the Prometheus text and the like. `scope: undefined` = public. */
export interface PlainRoute {
  readonly path: string;
  readonly scope: Scope | undefined;
  readonly rateLimited: boolean;
  serve(req: HttpRequest, res: HttpResponse): Promise<void>;
}

/** Registers everything that is served with Connect's router. */
export type Mount = (router: ConnectRouter) => void;
