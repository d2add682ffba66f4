/**
 * Serves Connect's handlers on Node's requests. Of its own, since connect-node's adapter throws on authorities that it
 * cannot parse, writes to the console, and lets errors without ErrorInfo out (those that its interceptors never see).
 */
import type { OutgoingHttpHeaders } from 'node:http';
import type { DescMethod } from '@bufbuild/protobuf';
import {
  type ConnectRouter,
  type ConnectRouterOptions,
  createConnectRouter,
  createContextValues,
  type MethodImpl,
} from '@connectrpc/connect';
import type { UniversalHandler, UniversalServerRequest, UniversalServerResponse } from '@connectrpc/connect/protocol';
import { compressionGzip } from '@connectrpc/connect-node';
import { withErrorInfo } from './error-info.ts';
import { arrived, end, isGone, isHttp2, write, writeHead } from './exchange.ts';
import { letGo, linger } from './gate/body.ts';
import { grpcStreamHandler, isPlainGrpc } from './grpc-stream.ts';
import { grpcUnaryHandler } from './grpc-unary.ts';
import { type Call, callKey, type HttpRequest, type HttpResponse, type Mount } from './seam.ts';

export interface ConnectAdapter {
  /** Serves one call of an RPC path. Rejects on a fault of ours, or when the client leaves. */
  serve(call: Call, req: HttpRequest, res: HttpResponse): Promise<void>;
}

export interface ConnectAdapterOptions {
  readonly mount: Mount;
  readonly connect: ConnectRouterOptions;
  /** False leaves errors as Connect makes them. */
  readonly errorInfo: boolean;
}

/** Serves the common case of gRPC without Connect's pipelines. */
type ShortPath = (request: UniversalServerRequest) => UniversalServerResponse | Promise<UniversalServerResponse>;

const defaults: ConnectRouterOptions = {
  // No brotli unless asked for: 405 bytes of it inflate to 256 MiB.
  acceptCompression: [compressionGzip],
  // Answers are not compressed: grpcio asks for it by default, and a deflate per watcher and batch costs 270 KB and most of
  // the time, to save bytes on a loopback.
  compressMinBytes: 0xffffffff,
};

export function createConnectAdapter(options: ConnectAdapterOptions): ConnectAdapter {
  const connect = { ...defaults, ...options.connect };
  const router = createConnectRouter(connect);
  const shortPaths = new Map<string, ShortPath>();
  options.mount(recording(router, connect, shortPaths));
  const handlers = new Map<string, UniversalHandler>(router.handlers.map((handler) => [handler.requestPath, handler]));
  return {
    async serve(call, req, res) {
      const handler = handlers.get(call.method.path);
      if (handler === undefined) throw new Error(`${call.method.path} is listed but not mounted`);
      const short = call.protocol === 'grpc' && isPlainGrpc(req.headers) ? shortPaths.get(call.method.path) : undefined;
      const answer = await (short ?? handler)(universalRequest(call, req));
      await writeAnswer(req, res, options.errorInfo ? await withErrorInfo(answer, call) : answer);
    },
  };
}

/** The router, which also makes the short path of every unary method and server stream that is registered with it. */
function recording(router: ConnectRouter, connect: ConnectRouterOptions, shortPaths: Map<string, ShortPath>): ConnectRouter {
  const makers = { unary: grpcUnaryHandler, server_streaming: grpcStreamHandler };
  const record = (desc: DescMethod, implementation: MethodImpl<DescMethod> | undefined, own: object = {}): void => {
    const kind = desc.methodKind;
    if ((kind !== 'unary' && kind !== 'server_streaming') || implementation === undefined) return;
    shortPaths.set(`/${desc.parent.typeName}/${desc.name}`, makers[kind](desc, implementation, { ...connect, ...own }));
  };
  const recorder: ConnectRouter = {
    handlers: router.handlers,
    service(service, implementation, own) {
      router.service(service, implementation, own);
      const bound = implementation as Readonly<Record<string, ((...args: unknown[]) => unknown) | undefined>>;
      for (const desc of service.methods)
        record(desc, bound[desc.localName]?.bind(implementation) as MethodImpl<DescMethod> | undefined, own);
      return recorder;
    },
    rpc(desc, implementation, own) {
      router.rpc(desc, implementation, own);
      record(desc, implementation as MethodImpl<DescMethod>, own);
      return recorder;
    },
  };
  return recorder;
}

function universalRequest(call: Call, req: HttpRequest): UniversalServerRequest {
  const query = (req.url ?? '').indexOf('?');
  return {
    httpVersion: req.httpVersion,
    method: req.method ?? '',
    // The authority was judged by the gate; a unix socket's may be anything.
    url: `http://localhost${call.method.path}${query < 0 ? '' : req.url?.slice(query)}`,
    header: webHeaders(req),
    body: bodyOf(req),
    signal: call.signal,
    contextValues: createContextValues().set(callKey, call),
  };
}

function webHeaders(req: HttpRequest): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(req.headers)) {
    if (value === undefined || name.startsWith(':')) continue;
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one);
  }
  return headers;
}

async function* bodyOf(req: HttpRequest): AsyncGenerator<Uint8Array> {
  // A reader that stops early must not destroy the request: on HTTP/1.1 the socket, and with it the answer, would go too.
  for await (const chunk of req.iterator({ destroyOnReturn: false })) yield chunk;
}

function nodeHeaders(headers: Headers | undefined): OutgoingHttpHeaders {
  const out: Record<string, string | string[]> = {};
  headers?.forEach((value, name) => {
    const before = out[name];
    out[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  });
  return out;
}

async function writeAnswer(req: HttpRequest, res: HttpResponse, answer: UniversalServerResponse): Promise<void> {
  const body = answer.body?.[Symbol.asyncIterator]();
  try {
    // Headers go after the first message: the implementation may still set some.
    let chunk = await body?.next();
    if (isGone(res)) return;
    const early = !isHttp2(req) && !arrived(req);
    writeHead(res, answer.status, { ...nodeHeaders(answer.header), ...(early ? { connection: 'close' } : {}) });
    for (; body !== undefined && chunk !== undefined && chunk.done !== true; chunk = await body.next()) await writeAll(res, chunk.value);
    if (isGone(res)) return;
    res.addTrailers(nodeHeaders(answer.trailer));
    if (early) await linger(req);
    end(res);
    await letGo(req, res);
  } finally {
    await body?.return?.()?.catch(() => {});
  }
}

/** So much is handed to the connection at a time: the stall watch sees progress in steps of it. */
const sliceBytes = 16 * 1024;

async function writeAll(res: HttpResponse, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength; at += sliceBytes) {
    if (isGone(res)) throw new Error('the client left');
    if (!write(res, bytes.subarray(at, at + sliceBytes))) await drained(res);
  }
}

function drained(res: HttpResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      res.off('drain', drain).off('close', close).off('error', close);
    };
    const drain = (): void => {
      settle();
      resolve();
    };
    const close = (): void => {
      settle();
      reject(new Error('the client left'));
    };
    res.on('drain', drain).on('close', close).on('error', close);
  });
}
