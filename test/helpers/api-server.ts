/** The API behind the real front door on port 0, which lets everybody in as one principal: a test calls it by every protocol. */
import type { DescService } from '@bufbuild/protobuf';
import { INVALID_SPAN_CONTEXT, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { serveMethods } from '../../src/api/dispatch/dispatch.ts';
import { createValidate } from '../../src/api/dispatch/validation.ts';
import { createFrontDoor, type FrontDoor } from '../../src/api/front-door.ts';
import { type ApiDeps, type Call, createApi, type RpcMethod, type ServedMethod } from '../../src/api/index.ts';
import { mount, type ProtocolName, type ServiceOf } from '../../src/api/seam.ts';
import type { ErrorReason } from '../../src/kernel/catalogue.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { AgentError } from '../../src/kernel/errors.ts';
import { type Principal, scopes } from '../../src/kernel/principal.ts';
import { fakes } from './api-fakes.ts';
import { apiSettings, fakeTelemetry } from './door.ts';

export const tester: Principal = { id: 'tester', name: 'tester', scopes: new Set(scopes) };

export interface TestCall extends Call {
  /** What it ended with; undefined while it runs. */
  ended: string | undefined;
}

/** A call that no transport carries, for services and interceptors alone. */
export function testCall(method: RpcMethod, options: { readonly protocol?: ProtocolName; readonly principal?: Principal } = {}): TestCall {
  const controller = new AbortController();
  const call: TestCall = {
    protocol: options.protocol ?? 'grpc',
    // What is called by hand is not found by its method.
    method: method as ServedMethod,
    principal: options.principal ?? tester,
    span: {
      traceId: '0123456789abcdef0123456789abcdef',
      spanId: '0123456789abcdef',
      context: ROOT_CONTEXT,
      span: trace.wrapSpanContext(INVALID_SPAN_CONTEXT),
      end: () => {},
    },
    peer: '127.0.0.1',
    via: 'grpc',
    local: false,
    audited: () => {},
    signal: controller.signal,
    reason: undefined,
    cut: (error: AgentError) => controller.abort(error),
    outcome(code) {
      call.ended ??= code;
    },
    holdUntil: () => {},
    expireIn: () => {},
    heartbeat: () => {},
    onStop: () => {},
    rest: {},
    ended: undefined,
  };
  return call;
}

/** Every service that the API serves. */
export function mountedServices(): DescService[] {
  return [...new Set(createApi(fakes().deps).methods.map(({ service }) => service))];
}

export interface TestServer {
  /** HTTP/1.1 and h2c. */
  readonly url: string;
  readonly door: FrontDoor;
  /** Calls that have ended, with their codes. */
  readonly ended: readonly { readonly method: string; readonly code: string }[];
  /** Cuts every open call, as a revoked token does. */
  revoke(reason: ErrorReason): void;
  close(): Promise<void>;
}

/** Methods behind the real front door. */
export async function serve(
  methods: readonly ServedMethod[],
  options: { readonly principal?: Principal; readonly api?: ReturnType<ApiDeps['api']> } = {},
): Promise<TestServer> {
  const { principal = tester, api = {} } = options;
  const telemetry = fakeTelemetry();
  let revoked = (_id: string, _reason: ErrorReason): void => {};
  const settings = apiSettings();
  const door = createFrontDoor({
    api: { ...settings, limits: { ...settings.limits, messageBytes: 1024 * 1024 }, ...api },
    access: {
      authenticate: () =>
        principal.id === 'anonymous' ? { ok: false, reason: 'TOKEN_MISSING', message: 'no token' } : { ok: true, principal },
      onRevoked(fn) {
        revoked = fn;
        return () => {};
      },
    },
    telemetry,
    clock: systemClock,
    methods,
    plain: [],
    unixSocketPath: undefined,
  });
  const [url = ''] = await door.start();
  return {
    ...{ url, door, ended: telemetry.ended },
    revoke: (reason) => revoked(principal.id, reason),
    close: () => door.stop(200),
  };
}

export function serveApi(deps: ApiDeps, principal: Principal = tester): Promise<TestServer> {
  return serve(createApi(deps).methods, { principal, api: deps.api() });
}

/** One service alone, with the rules of its proto. */
export function serveService<S extends DescService>(service: S, implementation: Partial<ServiceOf<S>>): Promise<TestServer> {
  const mounted = [mount(service, implementation)];
  return serve(serveMethods(mounted, { validate: createValidate(), memory: undefined }));
}
