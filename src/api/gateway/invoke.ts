/** Calls of implementations inside the process, through the same interceptors as every protocol. */
import type { DescMethod, Message } from '@bufbuild/protobuf';
import {
  createContextValues,
  createHandlerContext,
  createMethodImplSpec,
  type HandlerContext,
  type Interceptor,
  type MethodImpl,
  type MethodImplSpec,
} from '@connectrpc/connect';
import { createAsyncIterable, invokeUnaryImplementation, transformInvokeImplementation } from '@connectrpc/connect/protocol';
import { AgentError } from '../../kernel/errors.ts';
import { type Call, callKey, type HttpRequest, type Mounted, type RpcMethod } from '../seam.ts';

export interface Invoker {
  unary(call: Call, req: HttpRequest, message: Message): Promise<Message>;
  stream(call: Call, req: HttpRequest, message: Message): AsyncIterable<Message>;
}

function headersOf(req: HttpRequest): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(req.headers)) {
    // Pseudo-headers of HTTP/2 are no headers to `Headers`.
    if (value === undefined || name.startsWith(':')) continue;
    for (const item of Array.isArray(value) ? value : [value]) headers.append(name, item);
  }
  return headers;
}

function contextOf(call: Call, req: HttpRequest): HandlerContext {
  return createHandlerContext({
    service: call.method.service,
    method: call.method.desc,
    protocolName: 'rest',
    requestMethod: req.method ?? 'GET',
    url: `http://localhost${call.method.path}`,
    requestSignal: call.signal,
    requestHeader: headersOf(req),
    contextValues: createContextValues().set(callKey, call),
  });
}

/** The function that implements a method; one that says so where there is none. */
export function implementationOf(method: RpcMethod, mounted: readonly Mounted[]): MethodImpl<DescMethod> {
  const implementation = mounted.find(({ service }) => service.typeName === method.service.typeName)?.implementation;
  const own: unknown = implementation === undefined ? undefined : Reflect.get(implementation, method.desc.localName);
  const missing = (): never => {
    throw new AgentError('RPC_UNIMPLEMENTED', `${method.path} is not implemented`);
  };
  return (typeof own === 'function' ? own.bind(implementation) : missing) as MethodImpl<DescMethod>;
}

export function createInvoker(
  methods: readonly RpcMethod[],
  implementation: (method: RpcMethod) => MethodImpl<DescMethod>,
  interceptors: readonly Interceptor[],
): Invoker {
  const specs = new Map(methods.map((method) => [method.path, createMethodImplSpec(method.desc, implementation(method))]));
  const chain = [...interceptors];
  const specFor = <K extends MethodImplSpec['kind']>(call: Call, kind: K): MethodImplSpec & { kind: K } => {
    const spec = specs.get(call.method.path);
    if (spec?.kind !== kind) throw new AgentError('INTERNAL', `${call.method.path} cannot be called by REST`);
    return spec as MethodImplSpec & { kind: K };
  };
  return {
    unary: (call, req, message) => invokeUnaryImplementation(specFor(call, 'unary'), contextOf(call, req), message, chain),
    stream(call, req, message) {
      const transform = transformInvokeImplementation(specFor(call, 'server_streaming'), contextOf(call, req), chain);
      return transform(createAsyncIterable([message]));
    },
  };
}
