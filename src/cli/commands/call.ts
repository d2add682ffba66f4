import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { Client, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { type Agent, messages, withAgent } from '../agent.ts';
import { allMethods, findMethod, type Method, shortName } from '../call/find-method.ts';
import { fromJson } from '../call/from-json.ts';
import { manyRequests, oneRequest } from '../call/requests.ts';
import { loadSchema, type Schema } from '../call/schema.ts';
import { toJson } from '../call/to-json.ts';
import type { Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../failure.ts';
import { jsonText, print, printEntry } from '../output.ts';
import { failureOf } from '../service-error.ts';

interface Call {
  readonly context: Context;
  readonly schema: Schema;
  readonly method: Method;
  readonly argument: string | undefined;
}

const serialize = (method: Method) => (value: object) => method.definition.requestSerialize(value);
const deserialize = (method: Method) => (bytes: Buffer) => method.definition.responseDeserialize(bytes);

async function listMethods(context: Context, schema: Schema): Promise<number> {
  const methods = allMethods(schema);
  const data = methods.map((method) => ({
    method: shortName(method),
    request: method.requestType,
    response: method.responseType,
    request_stream: method.definition.requestStream,
    response_stream: method.definition.responseStream,
  }));
  const stream = (is: boolean): string => (is ? 'stream ' : '');
  const last = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
  await print(context, data, () =>
    data
      .map((m) => `${m.method}(${stream(m.request_stream)}${last(m.request)}) returns (${stream(m.response_stream)}${last(m.response)})\n`)
      .join(''),
  );
  return EXIT.done;
}

/** Hands over requests as fast as the connection takes them; a bad one ends the call. */
async function send(call: Call, stream: Writable & { cancel(): void }): Promise<void> {
  const { schema, method, argument, context } = call;
  try {
    for await (const json of manyRequests(argument, context.io.stdin)) {
      if (!stream.write(fromJson(schema, method.requestType, json))) await once(stream, 'drain');
    }
    stream.end();
  } catch (error) {
    stream.cancel();
    throw error;
  }
}

/** Prints every answer of a stream, each on its line. */
async function receive({ context, schema, method }: Call, agent: Agent, stream: ClientReadableStream<object>): Promise<void> {
  for await (const message of messages(agent, stream)) {
    const json = toJson(schema, method.responseType, message);
    await printEntry(context, json, () => jsonText(json, true));
  }
}

async function callUnary(call: Call, client: Client, agent: Agent): Promise<void> {
  const { context, schema, method, argument } = call;
  const { path, requestStream } = method.definition;
  const options = { deadline: agent.deadline() };
  const request = requestStream ? {} : fromJson(schema, method.requestType, await oneRequest(argument, context.io.stdin));
  const { promise, resolve, reject } = Promise.withResolvers<object>();
  const done = (error: ServiceError | null, response?: object): void => {
    if (error === null) resolve(response ?? {});
    else reject(failureOf(error, agent.where));
  };
  const coding = [path, serialize(method), deserialize(method)] as const;
  if (requestStream) {
    const stream = client.makeClientStreamRequest(...coding, agent.metadata, agent.streamOptions(), done);
    await Promise.all([send(call, stream), promise]);
  } else {
    client.makeUnaryRequest(...coding, request, agent.metadata, options, done);
  }
  const json = toJson(schema, method.responseType, await promise);
  await print(context, json, () => jsonText(json));
}

async function callStream(call: Call, client: Client, agent: Agent): Promise<void> {
  const { context, schema, method, argument } = call;
  const coding = [method.definition.path, serialize(method), deserialize(method)] as const;
  if (method.definition.requestStream) {
    const stream = client.makeBidiStreamRequest(...coding, agent.metadata, agent.streamOptions());
    await Promise.all([send(call, stream), receive(call, agent, stream)]);
    return;
  }
  const request = fromJson(schema, method.requestType, await oneRequest(argument, context.io.stdin));
  await receive(call, agent, client.makeServerStreamRequest(...coding, request, agent.metadata, agent.streamOptions()));
}

/** Calls any RPC of the shipped descriptors: `call EventService.ListEvents '{"page_size": 5}'`. */
export const call: Handler = async (context, [name, argument]) => {
  const schema = loadSchema();
  if (name === undefined) return listMethods(context, schema);
  const method = findMethod(schema, name);
  return withAgent(context, async (agent) => {
    const client = new Client(agent.address, agent.credentials, agent.channelOptions);
    const made: Call = { context, schema, method, argument };
    await (method.definition.responseStream ? callStream(made, client, agent) : callUnary(made, client, agent));
    return EXIT.done;
  });
};
