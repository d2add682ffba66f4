import { Client } from '@grpc/grpc-js';
import { type Agent, unary } from '../agent.ts';
import { findMethod, type Method, shortName } from '../call/find-method.ts';
import { fromJson } from '../call/from-json.ts';
import { oneRequest } from '../call/requests.ts';
import { loadSchema } from '../call/schema.ts';
import { toJson } from '../call/to-json.ts';
import type { Handler } from '../command-spec.ts';
import { escapeBeyondJson, printable } from '../escape.ts';
import { usage } from '../failure.ts';
import { text } from '../flags.ts';
import { askAgents, parallelOf } from '../fleet/ask-agents.ts';
import { withFleet } from '../fleet/with-fleet.ts';
import { printEntry, styleOf } from '../output.ts';
import { paint } from '../table.ts';

/** Calls one method at all chosen agents: a line for each as it answers. */
export const fleetCall: Handler = async (context, [name = ''], flags) => {
  const schema = loadSchema();
  const method = findMethod(schema, name);
  const { requestStream, responseStream } = method.definition;
  if (requestStream || responseStream)
    throw usage(`${shortName(method)} is a stream`, 'A stream is asked of one agent: `sboxagent call --agent NAME`.');
  const request = fromJson(schema, method.requestType, await oneRequest(text(flags, 'data'), context.io.stdin));
  const style = await styleOf(context);
  return withFleet(context, (client) =>
    askAgents<object>(context, client, {
      flags,
      parallel: parallelOf(flags),
      ask: async (dial) => {
        const agent = dial.connect();
        return callUnary(agent, method, request).finally(() => agent.close());
      },
      take: async (answer) => {
        const { agent } = answer;
        if ('failure' in answer) {
          const { message, reason } = answer.failure;
          const error = { reason, message };
          await printEntry(
            context,
            { agent, error },
            () => `${printable(agent)}  ${paint('FAILED', 'red', style)}  ${printable(message)}\n`,
          );
          return;
        }
        const response = toJson(schema, method.responseType, answer.value);
        const line = (): string => `${printable(agent)}  ${paint('OK', 'green', style)}  ${escapeBeyondJson(JSON.stringify(response))}\n`;
        await printEntry(context, { agent, response }, line);
      },
    }),
  );
};

function callUnary(agent: Agent, { definition }: Method, request: object): Promise<object> {
  const client = new Client(agent.address, agent.credentials, agent.channelOptions);
  const { path, requestSerialize, responseDeserialize } = definition;
  return unary<object, object>(
    agent,
    (message, metadata, options, done) =>
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, metadata, options, (error, response) =>
        done(error, response ?? {}),
      ),
    request,
  );
}
