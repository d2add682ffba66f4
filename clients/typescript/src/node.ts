/** The client for Node: gRPC over HTTP/2, by TCP, TLS or the agent's unix socket. */
import { readFileSync } from 'node:fs';
import type { SecureClientSessionOptions } from 'node:http2';
import { connect } from 'node:net';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { agentMethods } from './client.ts';
import { type EventStreamOptions, events, type Gap } from './event-stream.ts';
import { authorize, repeatCalls } from './interceptors.ts';
import type { Event } from './messages.ts';
import type { AgentMethods } from './services.ts';
import { resolveTarget, type Target, tokenSource } from './target.ts';

export * from './common.ts';

export interface AgentClientOptions {
  /** `unix:PATH`, `host:port` or `https://host:port`. Default: SBOXAGENT_TARGET, the socket of the usual state directories, 127.0.0.1:8080. */
  readonly target?: string | undefined;
  /** Bearer token. Default: SBOXAGENT_TOKEN, then SBOXAGENT_TOKEN_FILE; the unix socket needs none. */
  readonly token?: string | undefined;
  /** File that holds it; read again when it changes. */
  readonly tokenFile?: string | undefined;
  /** Limit of a call in milliseconds, repetitions included; 0 is none. Streams have none. Default: 5000. */
  readonly timeoutMs?: number | undefined;
  /** PEM files: whom to trust instead of the system's authorities, and the certificate to show. */
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

interface Closing {
  /** Ends open calls and the connection: until then it may keep the program alive. */
  close(): void;
  [Symbol.dispose](): void;
}

export type AgentClient = AgentMethods & Closing;

function sessionOptions({ socketPath }: Target, { caFile, certFile, keyFile }: AgentClientOptions): SecureClientSessionOptions {
  const read = (path: string | undefined): Buffer | undefined => (path === undefined ? undefined : readFileSync(path));
  const [ca, cert, key] = [read(caFile), read(certFile), read(keyFile)];
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(socketPath !== undefined && { createConnection: () => connect(socketPath) }),
  };
}

/** Every RPC of the agent as a method; reads, and writes with a request_id, are repeated while the agent is away, as `timeoutMs` allows. */
export const AgentClient = class {
  readonly #sessions: Http2SessionManager;

  constructor(options: AgentClientOptions = {}) {
    const target = resolveTarget(options.target);
    // A peer that is gone without a word is noticed by its silence.
    this.#sessions = new Http2SessionManager(
      target.baseUrl,
      { pingIntervalMs: 30_000, pingTimeoutMs: 10_000 },
      sessionOptions(target, options),
    );
    const transport = createGrpcTransport({
      baseUrl: target.baseUrl,
      sessionManager: this.#sessions,
      defaultTimeoutMs: options.timeoutMs ?? 5000,
      interceptors: [repeatCalls, authorize(tokenSource(options.token, options.tokenFile))],
    });
    Object.assign(this, agentMethods(transport));
  }

  close(): void {
    this.#sessions.abort();
  }

  [Symbol.dispose](): void {
    this.close();
  }
} as unknown as new (
  options?: AgentClientOptions,
) => AgentClient;

/** Iterates over the agent's events, over lost connections and restarts of the agent; takes the options of AgentClient. */
export class EventStreamClient {
  readonly #agent: AgentClient;

  constructor(options: AgentClientOptions = {}) {
    this.#agent = new AgentClient(options);
  }

  events(options: EventStreamOptions = {}): AsyncGenerator<Event | Gap> {
    return events(this.#agent, options);
  }

  close(): void {
    this.#agent.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
