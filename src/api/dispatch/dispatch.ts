/**
 * The way of a call to its implementation, compiled per method when the agent starts: authorise, remember (request_id), validate,
 * implementation. Every protocol takes it, so that no check depends on how somebody calls.
 */
import type { DescMethod, Message } from '@bufbuild/protobuf';
import { ConnectError, type HandlerContext } from '@connectrpc/connect';
import type { Audit } from '../../audit/types.ts';
import { AgentError } from '../../kernel/errors.ts';
import { may } from '../../kernel/principal.ts';
import { callOf } from '../calls.ts';
import { fromUnknown } from '../errors/known.ts';
import { rpcMethods } from '../methods.ts';
import type { Answered, Call, Mounted, RpcMethod, Run, ServedMethod, UnaryRun } from '../seam.ts';
import { audited } from './audited.ts';
import { asksOnce, type RequestMemory, remembered } from './idempotency.ts';
import { Outgoing } from './outgoing.ts';
import type { Validate } from './validation.ts';

export interface DispatchOptions {
  /** Holds a request against the rules of its proto. */
  readonly validate: Validate;
  /** Where calls that change something are written down; absent in suites that serve no methods of ours. */
  readonly audit?: Pick<Audit, 'begin'> | undefined;
  /** What was answered to which request_id. */
  readonly memory: RequestMemory | undefined;
  /** Leaves what services throw as it is, for a suite that compares errors to the letter. */
  readonly bareErrors?: boolean;
}

type Implementation = (input: unknown, context: HandlerContext) => unknown;

/** What the service throws, as the wire may say it; the call learns how it ended. */
function failing(call: Call, options: Pick<DispatchOptions, 'bareErrors'>): (error: unknown) => unknown {
  return (error) => {
    const known = fromUnknown(error);
    call.outcome(known.code, error);
    return options.bareErrors === true && error instanceof ConnectError ? error : known;
  };
}

/** The gate has judged this before it read anything; whatever carries a call here without it meets the same rule. */
function authorise({ principal }: Call, { scope, path }: RpcMethod): void {
  if (scope === undefined || may(principal, scope)) return;
  throw new AgentError('SCOPE_MISSING', `token ${principal.id} lacks the scope ${scope}, which ${path} needs`, { metadata: { scope } });
}

function unary(method: RpcMethod, implementation: Implementation, { validate, ...options }: DispatchOptions): Run {
  const { input } = method.desc;
  // What has no field breaks no rule.
  const judge = input.fields.length === 0 || method.judgesItself ? () => {} : validate;
  const direct = implementation as UnaryRun;
  const recorded = options.audit === undefined ? direct : audited(options.audit, method, direct);
  const work = async (message: Message, context: HandlerContext): Promise<Answered> => {
    judge(input, message);
    return recorded(message, context);
  };
  const asked = options.memory === undefined || !asksOnce(method) ? undefined : remembered(options.memory, method, work);
  const once = asked ?? (recorded === direct ? undefined : work);
  return {
    kind: 'unary',
    async unary(message, context) {
      const call = callOf(context);
      try {
        authorise(call, method);
        if (once === undefined) judge(input, message);
        const answer = (await (once ?? implementation)(message, context)) as Answered;
        call.outcome('ok');
        return answer;
      } catch (error) {
        throw failing(call, options)(error);
      }
    },
  };
}

function refused(error: unknown): AsyncIterable<never> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
}

/** The iterable that `begin` answers; what it throws is the stream's first word. */
function begun(begin: () => unknown): AsyncIterable<unknown> {
  try {
    return begin() as AsyncIterable<unknown>;
  } catch (error) {
    return refused(error);
  }
}

function serverStream(method: RpcMethod, implementation: Implementation, options: DispatchOptions): Run {
  const { input } = method.desc;
  return {
    kind: 'server_streaming',
    stream(message, context) {
      const call = callOf(context);
      const messages = begun(() => {
        authorise(call, method);
        options.validate(input, message);
        return implementation(message, context);
      });
      return new Outgoing(messages, call, failing(call, options));
    },
  };
}

async function* validated(messages: AsyncIterable<Message>, check: (message: Message) => void): AsyncGenerator<Message> {
  for await (const message of messages) {
    check(message);
    yield message;
  }
}

function manyMessages(method: RpcMethod, implementation: Implementation, options: DispatchOptions): Run {
  const { input, methodKind } = method.desc;
  const incoming = (messages: AsyncIterable<Message>): AsyncIterable<Message> =>
    method.judgesItself ? messages : validated(messages, (message) => options.validate(input, message));
  const single = async function* (messages: AsyncIterable<Message>, context: HandlerContext): AsyncGenerator<unknown> {
    yield await implementation(incoming(messages), context);
  };
  return {
    kind: methodKind === 'client_streaming' ? 'client_streaming' : 'bidi_streaming',
    many(messages, context) {
      const call = callOf(context);
      const answers = begun(() => {
        authorise(call, method);
        return methodKind === 'client_streaming' ? single(messages, context) : implementation(incoming(messages), context);
      });
      return new Outgoing(answers, call, failing(call, options));
    },
  };
}

function compile(method: RpcMethod, implementation: Implementation, options: DispatchOptions): Run {
  switch (method.desc.methodKind) {
    case 'unary':
      return unary(method, implementation, options);
    case 'server_streaming':
      return serverStream(method, implementation, options);
    default:
      return manyMessages(method, implementation, options);
  }
}

/** The function that implements a method; one that says so where there is none. */
function implementationOf(desc: DescMethod, { implementation }: Mounted): Implementation {
  const own: unknown = Reflect.get(implementation, desc.localName);
  if (typeof own === 'function') return own.bind(implementation) as Implementation;
  return () => {
    throw new AgentError('RPC_UNIMPLEMENTED', `/${desc.parent.typeName}/${desc.name} is not implemented`);
  };
}

/** Everything that is mounted, ready to be called. Throws for a method without a policy. */
export function serveMethods(
  mounted: readonly Mounted[],
  options: DispatchOptions,
  methods: readonly RpcMethod[] = rpcMethods(mounted),
): ServedMethod[] {
  const bySource = new Map(mounted.map((one) => [one.service.typeName, one]));
  return methods.map((method) => {
    const source = bySource.get(method.service.typeName);
    if (source === undefined) throw new Error(`${method.path} is listed but not mounted`);
    return { ...method, run: compile(method, implementationOf(method.desc, source), options) };
  });
}
