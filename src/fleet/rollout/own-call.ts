import type { Principal } from '../../kernel/principal.ts';
import type { FleetCall } from '../rpc.ts';

/** Calls a method of this very agent in the name of who signed, through the gate of every other transport: scopes, validation, audit and trace are the same. */
export interface OwnCall {
  readonly method: string;
  readonly request: object;
  readonly principal: Principal;
  readonly traceId: string;
}

export type OwnAnswer =
  | { readonly ok: true; readonly message: Readonly<Record<string, unknown>> }
  | {
      readonly ok: false;
      readonly reason: string;
      /** What is wrong, with the engine's own lines where there are any. */
      readonly why: string;
      /** Result of the apply that the error is about; empty where it is about none. */
      readonly result: string;
      /** Nothing was done, and the same call may go through in a while. */
      readonly isPassing: boolean;
    };

interface ConnectError {
  readonly message?: string;
  readonly details?: readonly { readonly type?: string; readonly debug?: Readonly<Record<string, unknown>> }[];
}

const passing = [
  'RATE_LIMITED',
  'UNARY_LIMIT_REACHED',
  'SHUTTING_DOWN',
  'APPLY_QUEUE_FULL',
  'AUDIT_UNAVAILABLE',
  'DISK_FULL',
  'DEADLINE_EXCEEDED',
  'CANCELED',
];
const longestWhy = 1024;

export function callOwnAgent(serve: (call: FleetCall) => void, { method, request, principal, traceId }: OwnCall): Promise<OwnAnswer> {
  const { promise, resolve } = Promise.withResolvers<OwnAnswer>();
  const chunks: Buffer[] = [];
  let status = 0;
  serve({
    path: `/sboxagent.v1.${method}`,
    headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-${traceId.slice(0, 16)}-01` },
    body: Buffer.from(JSON.stringify(request)),
    verdict: { ok: true, principal },
    from: principal.name,
    reply: {
      head: (given) => {
        status = given;
      },
      write: (chunk) => void chunks.push(chunk),
      end: () => resolve(answerOf(status, Buffer.concat(chunks).toString('utf8'))),
      abort: () => resolve(refused('CANCELED', 'the call was ended in the middle', '')),
      pendingBytes: () => 0,
      onTaken: () => {},
      onLeft: () => {},
    },
  });
  return promise;
}

function refused(reason: string, why: string, result: string): OwnAnswer {
  return { ok: false, reason, why: why.slice(0, longestWhy), result, isPassing: passing.includes(reason) };
}

function answerOf(status: number, text: string): OwnAnswer {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return refused('INTERNAL', `the agent answered with HTTP ${status} and no JSON`, '');
  }
  if (status === 200) return { ok: true, message: body as Readonly<Record<string, unknown>> };
  const { message = '', details = [] } = body as ConnectError;
  const detail = (name: string): Readonly<Record<string, unknown>> => details.find(({ type }) => type?.endsWith(name))?.debug ?? {};
  const apply = detail('v1.Apply');
  const output = apply['engineOutput'];
  const lines = Array.isArray(output) ? output.filter((line) => typeof line === 'string' && !message.includes(line)) : [];
  return refused(String(detail('ErrorInfo')['reason'] ?? ''), [message, ...lines].join('\n'), String(apply['result'] ?? ''));
}
