/** What the audit is told of a call. */
import type { Message } from '@bufbuild/protobuf';
import type { ConfigChange } from '../../gen/es/sboxagent/v1/config_pb.js';
import type { AuditCall, AuditResult } from '../audit/types.ts';
import { type AgentError, statusName } from '../kernel/errors.ts';
import type { Answered, Call, RpcMethod } from './seam.ts';
import type { Exchange } from './transports/exchange.ts';

/** `sboxagent.v1.ProcessService.StartProcess` */
export function auditName({ service, desc }: Pick<RpcMethod, 'service' | 'desc'>): string {
  return `${service.typeName}.${desc.name}`;
}

/** `via` of an entry: the protocol, or the socket or the broker by which it came. */
export function viaOf({ verdict }: Pick<Exchange, 'verdict'>, local: boolean, protocol: string): string {
  if (verdict !== undefined) return 'nats';
  return local ? 'unix' : protocol;
}

type Caller = Pick<Call, 'method' | 'principal' | 'span' | 'peer' | 'via'>;

export function auditCall(call: Caller, timeMs: number, message?: Message): AuditCall {
  const { method, principal, span, peer, via } = call;
  const { audit } = method;
  return {
    timeMs,
    principal: principal.id,
    via,
    peer,
    method: auditName(method),
    target: message !== undefined && audit.kind === 'changes' ? targetOf(method, message, audit.target) : '',
    traceId: span.traceId,
    changes: message === undefined ? [] : fieldNames(method, message),
  };
}

/** The text at a path of the request (`plugin.id`), by the proto's own names. */
function targetOf({ desc }: RpcMethod, message: Message, path: string): string {
  let value: unknown = message;
  let fields = desc.input.fields;
  for (const name of path === '' ? [] : path.split('.')) {
    const field = fields.find((one) => one.name === name);
    if (field === undefined || typeof value !== 'object' || value === null) return '';
    value = Reflect.get(value, field.localName);
    fields = field.message?.fields ?? [];
  }
  return typeof value === 'string' ? value : '';
}

/** The fields of the request that say something, but for those that every call has. */
function fieldNames({ desc, audit }: RpcMethod, message: Message): string[] {
  const target = audit.kind === 'changes' ? audit.target : '';
  const said = desc.input.fields.filter(({ name, localName }) => {
    const value: unknown = Reflect.get(message, localName);
    if (name === target || name === 'request_id') return false;
    if (Array.isArray(value)) return value.length > 0;
    if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
    return value !== undefined && value !== '' && value !== false && value !== 0 && value !== 0n;
  });
  return said.map(({ name }) => name);
}

/** Of a change of the agent's configuration the keys that it changed. */
export function success({ desc }: RpcMethod, answer: Answered): AuditResult {
  if (desc.output.typeName !== 'sboxagent.v1.ConfigChange') return { code: 'OK', reason: '' };
  const { changes } = answer as Pick<ConfigChange, 'changes'>;
  return { code: 'OK', reason: '', changes: changes.map(({ path }) => path) };
}

export function failure({ code, reason }: AgentError): AuditResult {
  return { code: statusName(code), reason };
}
