import type { Agent, ClientRequest } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Agent as HttpAgent } from '../kernel/node-http.ts';

/**
 * Holds the body back until it is whole, so that its length stands in the headers. The OTLP exporters stream theirs, which Node sends
 * chunked; collectors behind HTTP/1.0 proxies, and small ones, read only what Content-Length announces. One export is bounded by its queue.
 */
function announceLength(request: ClientRequest): void {
  const chunks: Uint8Array[] = [];
  const end = request.end.bind(request);
  const take = (chunk: unknown): void => {
    if (chunk instanceof Uint8Array) chunks.push(chunk);
    else if (typeof chunk === 'string') chunks.push(Buffer.from(chunk));
  };
  request.write = (chunk: unknown) => {
    take(chunk);
    return true;
  };
  request.end = (chunk?: unknown) => {
    take(chunk);
    const body = Buffer.concat(chunks);
    Reflect.deleteProperty(request, 'write');
    Reflect.deleteProperty(request, 'end');
    request.setHeader('content-length', body.length);
    return end(body);
  };
}

/** `addRequest` is how a request comes to its agent; Node documents it by its source alone. */
interface Adding {
  addRequest(request: ClientRequest, ...rest: unknown[]): void;
}

/** An agent for OTLP exporters: keeps connections, and announces the length of what it sends. */
export function sizedAgent(protocol: string): Agent {
  const agent = protocol === 'https:' ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const adding = agent as unknown as Adding;
  const add = adding.addRequest.bind(agent);
  adding.addRequest = (request, ...rest) => {
    announceLength(request);
    add(request, ...rest);
  };
  return agent;
}
