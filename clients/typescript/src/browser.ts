/** The client for browsers: Connect over fetch. Everything but how the agent is reached is the same as in Node. */
import { createConnectTransport } from '@connectrpc/connect-web';
import { agentMethods } from './client.ts';
import { type EventStreamOptions, events, type Gap } from './event-stream.ts';
import { authorize, repeatCalls } from './interceptors.ts';
import type { Event } from './messages.ts';
import type { AgentMethods } from './services.ts';

export * from './common.ts';

export interface AgentClientOptions {
  /** Where the agent is, `https://host:port`. Default: where the page comes from. */
  readonly target?: string | undefined;
  /** Bearer token, or what answers the present one. */
  readonly token?: string | (() => string | undefined) | undefined;
  /** Limit of a call in milliseconds, repetitions included; 0 is none. Streams have none. Default: 5000. */
  readonly timeoutMs?: number | undefined;
}

export type AgentClient = AgentMethods;

function pageOrigin(): string | undefined {
  return (globalThis as { readonly location?: { readonly origin: string } }).location?.origin;
}

/** Every RPC of the agent as a method; reads, and writes with a request_id, are repeated while the agent is away, as `timeoutMs` allows. */
export const AgentClient = class {
  constructor({ target = pageOrigin(), token, timeoutMs = 5000 }: AgentClientOptions = {}) {
    if (target === undefined) throw new TypeError('there is no page that says where the agent is: give a target');
    const value = typeof token === 'function' ? token : () => token;
    const interceptors = [repeatCalls, authorize(value)];
    Object.assign(this, agentMethods(createConnectTransport({ baseUrl: target, defaultTimeoutMs: timeoutMs, interceptors })));
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
}
