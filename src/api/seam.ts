/**
 * The seam between what carries a call (listener, gate, protocols) and what serves it. Services are plain Connect
 * implementations; every protocol reaches them through the dispatch of their method and nowhere else, so that no check is ever
 * bypassed.
 */
import type {
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  Message,
  MessageShape,
} from '@bufbuild/protobuf';
import { type ContextKey, createContextKey, type HandlerContext } from '@connectrpc/connect';
import type { AgentError } from '../kernel/errors.ts';
import type { Principal, Scope } from '../kernel/principal.ts';
import type { CallSpan } from '../telemetry/types.ts';
import type { Fields } from './codec/fields.ts';
import type { Exchange } from './transports/exchange.ts';

export type ProtocolName = 'grpc' | 'grpc_web' | 'connect' | 'rest';

/** What is said of a method in the table of methods.ts. */
export interface MethodPolicy {
  /** What the caller must have; `undefined` = nobody needs a token (health's status word). */
  readonly scope: Scope | undefined;
  /** Whether it counts against the rate limit. */
  readonly rateLimited: boolean;
  /**
   * What of it is written to the audit. `changes`: each call, about what the field at the path `target` names (empty: the agent itself);
   * `data`: it takes what publishers say, of which only refusals are written; `reads`: likewise.
   */
  readonly audit: { readonly kind: 'changes'; readonly target: string } | { readonly kind: 'data' } | { readonly kind: 'reads' };
  /**
   * Its service holds what comes against the rules: message by message, since a bad one must not end the stream, or where the journal has not judged it
   * already in the walk that it makes anyway.
   */
  readonly judgesItself: boolean;
}

/** One method as gate and protocols see it. */
export interface RpcMethod extends MethodPolicy {
  /** `/sboxagent.v1.EventService/ListEvents`: the path of gRPC, gRPC-Web and Connect. */
  readonly path: string;
  readonly service: DescService;
  readonly desc: DescMethod;
  /** Counts as a stream (any streaming kind) instead of a unary call. */
  readonly stream: boolean;
}

/** What a service answers, of whatever type: each protocol makes bytes of it in its own way. */
export type Answered = object;

export type UnaryRun = (message: Message, context: HandlerContext) => Promise<Answered>;
export type StreamRun = (message: Message, context: HandlerContext) => AsyncIterable<Answered>;
/** Client and bidirectional streams. */
export type ManyRun = (messages: AsyncIterable<Message>, context: HandlerContext) => AsyncIterable<Answered>;

/** The compiled way of a call to its implementation: authorised, remembered, validated. Fails with an AgentError. */
export type Run =
  | { readonly kind: 'unary'; readonly unary: UnaryRun }
  | { readonly kind: 'server_streaming'; readonly stream: StreamRun }
  | { readonly kind: 'client_streaming' | 'bidi_streaming'; readonly many: ManyRun };

/** A method that is served. */
export interface ServedMethod extends RpcMethod {
  readonly run: Run;
}

type MethodOf<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageShape<I>, context: HandlerContext) => Promise<Fields<MessageShape<O>>> | Fields<MessageShape<O>>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageShape<I>, context: HandlerContext) => AsyncIterable<Fields<MessageShape<O>>>
      : M extends DescMethodBiDiStreaming<infer I, infer O>
        ? (requests: AsyncIterable<MessageShape<I>>, context: HandlerContext) => AsyncIterable<Fields<MessageShape<O>>>
        : never;

/** The implementation of a service: Connect's, but for its answers, which may be said in the words of the rooms. */
export type ServiceOf<S extends DescService> = { readonly [M in keyof S['method']]: MethodOf<S['method'][M]> };

/** A service with its implementation; the list of these is what the agent serves. */
export interface Mounted {
  readonly service: DescService;
  readonly implementation: object;
}

export function mount<S extends DescService>(service: S, implementation: Partial<ServiceOf<S>>): Mounted {
  return { service, implementation };
}

/** One call from its first header to its last byte. Made by the gate; services find it in the handler context. */
export interface Call {
  readonly protocol: ProtocolName;
  readonly method: ServedMethod;
  readonly principal: Principal;
  readonly span: CallSpan;
  /** Address of who calls; `unix` over the socket. */
  readonly peer: string;
  /** How it came, for the audit: the protocol, `unix` or `nats`. */
  readonly via: string;
  /** Whether it came over the unix socket. */
  readonly local: boolean;
  /** Fires when the client leaves, and (with an AgentError as reason) when the call is cut, its token revoked, or the agent stops. */
  readonly signal: AbortSignal;
  /** Why the signal has fired, or would have, had anybody asked for it. */
  readonly reason: AgentError | undefined;
  /** Ends the call from our side: the implementation sees the signal, and a stream that still does not drain is reset. */
  cut(error: AgentError): void;
  /** Says that the audit has an entry of it. */
  audited(): void;
  /** How it ended, for span, metric and log: a canonical code (`ok`, `not_found`, …). The first word stands. */
  outcome(code: string, error?: unknown): void;
  /** Keeps the call's place until `work` has ended too, which goes on without its caller. */
  holdUntil(work: Promise<unknown>): void;
  /** Cuts the call with DEADLINE_EXCEEDED when so much time has passed. */
  expireIn(ms: number): void;
  /** Written whenever the answer was silent for `api.streams.ping_interval`. */
  heartbeat(bytes: string): void;
  /** What is to happen at once when the client leaves (CANCELED) or the call is to end; one function, for whoever writes the answer. */
  onStop(fn: (reason: AgentError) => void): void;
  /** What REST says besides the body, set by services: 200 instead of 201, Location. */
  readonly rest: { status?: number; location?: string };
}

export const callKey: ContextKey<Call | undefined> = createContextKey<Call | undefined>(undefined, { description: 'call' });

/** What a path names by REST. */
export type RestMatch =
  | { readonly kind: 'route'; readonly method: ServedMethod; readonly params: Readonly<Record<string, string>>; readonly route: object }
  | { readonly kind: 'method_not_allowed'; readonly allow: readonly string[] }
  | { readonly kind: 'none' };

/** One protocol: the only place that knows its content types, envelopes and the shape of its errors. */
export interface Protocol {
  readonly name: ProtocolName;
  /** What a request to the path of an RPC is of that is meant so. */
  readonly mediaTypes: readonly string[];
  /** The bytes of a body that carries one message of that many. */
  bodyBytes(messageBytes: number): number;
  /** Answers nothing but an error. Never rejects. */
  refuse(exchange: Exchange, error: AgentError): Promise<void>;
}

/** A protocol that serves calls; what it throws is answered by `refuse` where nothing was answered yet. */
export interface ServingProtocol extends Protocol {
  serve(call: Call, exchange: Exchange, match: RestMatch | undefined): Promise<void>;
}

/** A route that is no RPC: the Prometheus text and the like. `scope: undefined` = public. */
export interface PlainRoute {
  readonly path: string;
  readonly scope: Scope | undefined;
  readonly rateLimited: boolean;
  serve(exchange: Exchange): Promise<void>;
}
