/** Callers of a daemon with real tokens, over gRPC, Connect and REST. */
import type { DescMessage, DescService } from '@bufbuild/protobuf';
import { fromJson, type JsonValue, toJson } from '@bufbuild/protobuf';
import { ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { PluginSessionService } from '../../gen/es/sboxagent/v1/plugin_session_service_pb.js';
import { createToken } from '../../src/access/index.ts';
import type { Scope } from '../../src/kernel/principal.ts';
import type { Daemon } from './daemon.ts';

export interface Said {
  /** HTTP status; of gRPC that of its code. */
  readonly status: number;
  /** Reason of the ErrorInfo; empty where it went well. */
  readonly reason: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any;
  /** As it came; empty of gRPC. */
  readonly text: string;
}

export interface Caller {
  readonly id: string;
  readonly token: string;
  rest(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Said>;
  /** `PluginSessionService/RegisterPlugin` with a JSON body. */
  connect(method: string, body: unknown): Promise<Said>;
  /** The same by gRPC. */
  grpc(service: DescService, method: string, body: JsonValue): Promise<Said>;
  /** The first message, or the refusal, of WatchPluginConfig as text. */
  watchPluginConfig(pluginId: string, sessionId: string): Promise<string>;
}

// biome-ignore lint/suspicious/noExplicitAny: as above
export function reasonOf(json: any): string {
  const details: readonly { readonly reason?: string; readonly debug?: { readonly reason?: string } }[] = json?.details ?? [];
  return details.map(({ reason, debug }) => reason ?? debug?.reason).find((reason) => reason !== undefined) ?? '';
}

async function said(answer: Response): Promise<Said> {
  const text = await answer.text();
  const isJson = (answer.headers.get('content-type') ?? '').includes('json');
  const json = isJson && text !== '' ? JSON.parse(text) : undefined;
  return { status: answer.status, reason: answer.ok ? '' : reasonOf(json), json, text };
}

const statuses: Readonly<Record<number, number>> = { 3: 400, 5: 404, 6: 409, 7: 403, 9: 400, 16: 401 };

async function overGrpc(
  transport: Transport,
  service: DescService,
  { method, body, token }: { method: string; body: JsonValue; token: string },
): Promise<Said> {
  const client = createClient(service, transport) as unknown as Record<string, (message: object, options: object) => Promise<object>>;
  const desc = service.methods.find(({ name }) => name === method);
  if (desc === undefined) throw new Error(`no method ${method}`);
  try {
    const headers = token === '' ? {} : { authorization: `Bearer ${token}` };
    const answer = await client[desc.localName]?.(fromJson(desc.input as DescMessage, body), { headers });
    return { status: 200, reason: '', json: toJson(desc.output as DescMessage, answer as never), text: '' };
  } catch (error) {
    const { code, details, rawMessage } = ConnectError.from(error);
    const reason = details.map(infoReason).join('');
    return { status: statuses[code] ?? 500, reason, json: { message: rawMessage }, text: '' };
  }
}

/** Field 1 of an ErrorInfo; nothing of any other detail. */
function infoReason(detail: ConnectError['details'][number]): string {
  const { type, value } = detail as { readonly type?: unknown; readonly value?: unknown };
  if (type !== 'google.rpc.ErrorInfo' || !(value instanceof Uint8Array)) return '';
  return Buffer.from(value.subarray(2, 2 + (value[1] ?? 0))).toString();
}

/** A token that is handed in; empty = none. */
export function callerWith(daemon: Daemon, token: string, id = ''): Caller {
  const transport = createGrpcTransport({ baseUrl: daemon.base });
  const auth: Readonly<Record<string, string>> = token === '' ? {} : { authorization: `Bearer ${token}` };
  const rest: Caller['rest'] = async (method, path, body, headers = {}) =>
    said(
      await fetch(`${daemon.base}${path}`, {
        method,
        headers: { ...auth, 'content-type': 'application/json', ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    );
  return {
    id,
    token,
    rest,
    connect: (method, body) => rest('POST', `/sboxagent.v1.${method}`, body),
    grpc: (service, method, body) => overGrpc(transport, service, { method, body, token }),
    async watchPluginConfig(pluginId, sessionId) {
      const leave = new AbortController();
      try {
        const options = { headers: auth, signal: leave.signal };
        for await (const { config } of createClient(PluginSessionService, transport).watchPluginConfig({ pluginId, sessionId }, options)) {
          return JSON.stringify(config);
        }
        return 'no message';
      } catch (error) {
        return ConnectError.from(error).details.map(infoReason).join('');
      } finally {
        leave.abort();
      }
    },
  };
}

/** A new token of these scopes. */
export function caller(
  daemon: Daemon,
  scopes: readonly Scope[],
  more: { readonly name?: string; readonly replaces?: string } = {},
): Caller {
  const { token, record } = createToken({ stateDir: daemon.stateDir, scopes, ...more });
  return callerWith(daemon, token, record.id);
}
