import { createClient, type Transport } from '@connectrpc/connect';
import { agentError } from './errors.ts';
import { type AgentMethods, services } from './services.ts';

type Method = (request: unknown, options?: object) => Promise<unknown> | AsyncIterable<unknown>;

/** All methods over one transport; what they throw is an AgentError. */
export function agentMethods(transport: Transport): AgentMethods {
  const methods: Record<string, Method> = {};
  for (const service of services) {
    const client = createClient(service, transport) as unknown as Record<string, Method>;
    for (const { localName, methodKind } of service.methods) {
      const call = client[localName];
      // A stream may last for ever: the time limit of calls is not for it, unless the caller says so.
      if (call !== undefined) methods[localName] = typed(call, methodKind === 'unary' ? {} : { timeoutMs: 0 });
    }
  }
  return methods as unknown as AgentMethods;
}

function typed(call: Method, defaults: object): Method {
  return (request, options) => {
    const answer = call(request, { ...defaults, ...options });
    return answer instanceof Promise ? answer.catch(raise) : messages(answer);
  };
}

function raise(error: unknown): never {
  throw agentError(error);
}

async function* messages(answers: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  try {
    yield* answers;
  } catch (error) {
    raise(error);
  }
}

/** What a list has, over all its pages: `for await (const event of paginate(agent.listEvents, {}, 'events'))`. */
export async function* paginate<Request extends { pageToken?: string }, Page extends { nextPageToken: string }, Field extends keyof Page>(
  method: (request: Request) => Promise<Page>,
  request: Request,
  field: Field,
): AsyncGenerator<Page[Field] extends readonly (infer Item)[] ? Item : never> {
  let pageToken = request.pageToken ?? '';
  do {
    const page = await method({ ...request, pageToken });
    yield* page[field] as Iterable<Page[Field] extends readonly (infer Item)[] ? Item : never>;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}
