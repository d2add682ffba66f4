/** The API on a port, behind a gate that lets everybody in: what a test needs to call it by every protocol. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import type { DescService } from '@bufbuild/protobuf';
import { createContextValues } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { INVALID_SPAN_CONTEXT, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { type Api, type ApiDeps, type Call, createApi, type RpcMethod } from '../../src/api/index.ts';
import { callKey, type HttpRequest, type HttpResponse, type Protocol } from '../../src/api/seam.ts';
import type { AgentError } from '../../src/kernel/errors.ts';
import { type Principal, scopes } from '../../src/kernel/principal.ts';
import { fakes } from './api-fakes.ts';

export const tester: Principal = { id: 'tester', name: 'tester', scopes: new Set(scopes) };

export interface TestCall extends Call {
  /** What it ended with; undefined while it runs. */
  ended: string | undefined;
}

export function testCall(method: RpcMethod, options: { readonly protocol?: Protocol; readonly principal?: Principal } = {}): TestCall {
  const controller = new AbortController();
  const call: TestCall = {
    protocol: options.protocol ?? 'grpc',
    method,
    principal: options.principal ?? tester,
    span: {
      traceId: '0123456789abcdef0123456789abcdef',
      spanId: '0123456789abcdef',
      context: ROOT_CONTEXT,
      span: trace.wrapSpanContext(INVALID_SPAN_CONTEXT),
      end: () => {},
    },
    local: false,
    signal: controller.signal,
    cut: (error: AgentError) => controller.abort(error),
    outcome(code) {
      call.ended ??= code;
    },
    rest: {},
    ended: undefined,
  };
  return Object.assign(call, { leave: () => controller.abort(new Error('the client left')) });
}

/** Every service that the API serves. */
export function mountedServices(): DescService[] {
  return [...new Set(createApi(fakes().deps).methods.map(({ service }) => service))];
}

export interface TestServer {
  readonly api: Api;
  /** HTTP/1.1. */
  readonly url: string;
  /** h2c with prior knowledge. */
  readonly h2url: string;
  readonly calls: TestCall[];
  close(): Promise<void>;
}

function protocolOf(type: string): Protocol {
  if (type.startsWith('application/grpc-web')) return 'grpc_web';
  return type.startsWith('application/grpc') ? 'grpc' : 'connect';
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function serveApi(deps: ApiDeps, principal: Principal = tester): Promise<TestServer> {
  const api = createApi(deps);
  const calls: TestCall[] = [];
  const begin = (method: RpcMethod, protocol: Protocol): TestCall => {
    const call = testCall(method, { protocol, principal });
    calls.push(call);
    return call;
  };
  const adapter = connectNodeAdapter({
    ...api.connectOptions,
    routes: api.mount,
    contextValues(req) {
      const method = api.methods.find(({ path }) => path === (req.url ?? '').split('?')[0]);
      const values = createContextValues();
      if (method === undefined) return values;
      return values.set(callKey, begin(method, protocolOf(String(req.headers['content-type'] ?? ''))));
    },
  });
  const handle = (req: HttpRequest, res: HttpResponse): void => {
    const match = api.gateway.match(req.method ?? '', (req.url ?? '').split('?')[0] ?? '');
    if (match.kind === 'none') {
      adapter(req as IncomingMessage, res as ServerResponse);
      return;
    }
    if (match.kind === 'method_not_allowed') {
      res.statusCode = 405;
      res.setHeader('allow', match.allow.join(', '));
      (res as ServerResponse).end();
      return;
    }
    const call = begin(match.method, 'rest');
    res.on('close', () => (call as TestCall & { leave(): void }).leave());
    void api.gateway.serve(match, call, req, res);
  };
  const h1 = createServer(handle);
  const h2 = createHttp2Server({}, (req: Http2ServerRequest, res: Http2ServerResponse) => handle(req, res));
  const sessions = new Set<{ destroy(): void }>();
  h2.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  return {
    api,
    url: await listen(h1),
    h2url: await listen(h2),
    calls,
    async close() {
      h1.closeAllConnections();
      for (const session of sessions) session.destroy();
      await Promise.all([h1, h2].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}
