import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { toJson } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { BadRequestSchema, ErrorInfoSchema } from '../../gen/es/google/rpc/error_details_pb.js';
import { Health, HealthCheckResponse_ServingStatus as Serving } from '../../gen/es/grpc/health/v1/health_pb.js';
import { ServerReflection } from '../../gen/es/grpc/reflection/v1/reflection_pb.js';
import { ServerReflection as ReflectionV1Alpha } from '../../gen/es/grpc/reflection/v1alpha/reflection_pb.js';
import { AgentService } from '../../gen/es/sboxagent/v1/agent_service_pb.js';
import type { Event_Severity } from '../../gen/es/sboxagent/v1/event_pb.js';
import { EventService, ListEventsResponseSchema, type WatchEventsResponse } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import { ProcessService } from '../../gen/es/sboxagent/v1/process_service_pb.js';
import { anonymous } from '../../src/kernel/principal.ts';
import { fakes, processView, storedEvent } from '../helpers/api-fakes.ts';
import { serveApi } from '../helpers/api-server.ts';

const fake = fakes();
fake.journal.events.push(storedEvent(1, { data: { n: 1.5, z: null, l: [{ k: 'v' }] }, attributes: { A: '1' } }), storedEvent(2));
const server = await serveApi(fake.deps);
after(() => server.close());

const transports: Record<string, Transport> = {
  gRPC: createGrpcTransport({ baseUrl: server.url }),
  'gRPC-Web': createGrpcWebTransport({ baseUrl: server.url, httpVersion: '1.1' }),
  'Connect JSON': createConnectTransport({ baseUrl: server.url, httpVersion: '1.1', useBinaryFormat: false }),
  'Connect proto over h2c': createConnectTransport({ baseUrl: server.url, httpVersion: '2', useBinaryFormat: true }),
};

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  const error = await promise.then(
    () => assert.fail('should have failed'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConnectError, String(error));
  return error;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function rest(path: string, init?: RequestInit): Promise<unknown> {
  return (await fetch(`${server.url}/api/v1${path}`, init)).json();
}

for (const [name, transport] of Object.entries(transports)) {
  describe(name, () => {
    const events = createClient(EventService, transport);

    it('lists the same as REST', async () => {
      const list = await events.listEvents({ orderBy: 'revision', pageSize: 2 });
      const json = toJson(ListEventsResponseSchema, list, { useProtoFieldName: true, alwaysEmitImplicit: true });
      assert.deepEqual(json, await rest('/events?order_by=revision&page_size=2'));
    });

    it('answers a repeated request_id again', async () => {
      const request = { event: { type: 'test.repeated', source: name }, requestId: `repeat ${name}` };
      const first = await events.createEvent(request);
      const again = await events.createEvent(request);
      assert.equal(again.revision, first.revision);
      assert.equal(again.id, first.id);
    });

    it('tells every fault with its path', async () => {
      const error = await failure(events.createEvent({ event: { type: '', priority: 900 } }));
      assert.equal(error.code, Code.InvalidArgument);
      assert.equal(error.findDetails(ErrorInfoSchema)[0]?.reason, 'INVALID_REQUEST');
      const fields = error.findDetails(BadRequestSchema)[0]?.fieldViolations.map(({ field }) => field);
      assert.deepEqual(fields?.sort(), ['event.priority', 'event.type']);
    });

    it('refuses moments and data that JSON cannot carry', async () => {
      const time = { seconds: 999_999_999_999n, nanos: -1 };
      if (name === 'Connect JSON') return;
      const error = await failure(events.createEvent({ event: { type: 'a', time, data: { x: [Number.NaN] } } }));
      const fields = error.findDetails(BadRequestSchema)[0]?.fieldViolations.map(({ field }) => field);
      assert.deepEqual(fields, ['event.time', 'event.data.x[0]']);
    });

    it('says which id is unknown', async () => {
      const error = await failure(createClient(ProcessService, transport).getProcess({ id: 'nope' }));
      assert.equal(error.code, Code.NotFound);
      assert.match(error.rawMessage, /nope/);
    });

    it('watches: the missed, the live, and a word at the end', async () => {
      const stream = events.watchEvents({ afterRevision: 0n })[Symbol.asyncIterator]();
      const first = (await stream.next()).value as WatchEventsResponse;
      assert.deepEqual(
        first.events.slice(0, 2).map(({ id }) => id),
        ['e1', 'e2'],
      );
      assert.deepEqual(first.events[0]?.data, { n: 1.5, z: null, l: [{ k: 'v' }] });
      await fake.journal.publish([{ type: 'test.live', id: `live-${name}` }], { source: 'x' });
      const live = (await stream.next()).value as WatchEventsResponse;
      assert.equal(live.events[0]?.id, `live-${name}`);
      server.revoke('SHUTTING_DOWN');
      const farewell = (await stream.next()).value as WatchEventsResponse;
      assert.equal(farewell.progress?.revision, live.revision);
      assert.equal((await failure(stream.next())).code, Code.Unavailable);
    });

    it('frees a watch that its client leaves', async () => {
      const controller = new AbortController();
      const stream = events.watchEvents({}, { signal: controller.signal })[Symbol.asyncIterator]();
      await stream.next();
      assert.equal(fake.journal.watchers(), 1);
      controller.abort();
      await failure(stream.next());
      for (let tries = 0; fake.journal.watchers() > 0 && tries < 100; tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(fake.journal.watchers(), 0);
    });
  });
}

describe('Connect JSON from other clients', () => {
  const post = (path: string, body: string): Promise<Response> =>
    fetch(`${server.url}/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });

  it('names unknown and wrong fields, and refuses depth', async () => {
    const wrong = await post('sboxagent.v1.EventService/CreateEvent', '{"event":{"type":"a","priority":"high","colour":1}}');
    assert.equal(wrong.status, 400);
    const { code, message } = (await wrong.json()) as { code: string; message: string };
    assert.equal(code, 'invalid_argument');
    assert.match(message, /event\.priority.*event\.colour/);
    const deep = await post(
      'sboxagent.v1.EventService/CreateEvent',
      `{"event":{"type":"a","data":{"a":${'['.repeat(40)}${']'.repeat(40)}}}}`,
    );
    assert.match(((await deep.json()) as { message: string }).message, /deeper than 32/);
  });

  it('takes snake_case and answers camelCase', async () => {
    const answer = await post('sboxagent.v1.EventService/ListEvents', '{"page_size":1,"order_by":"revision"}');
    const { events } = (await answer.json()) as { events: { ingestTime: string }[] };
    assert.equal(events.length, 1);
    assert.ok(events[0]?.ingestTime);
  });
});

describe('PublishEvents', () => {
  const client = createClient(EventService, transports['gRPC'] as Transport);

  it('answers in order, goes on after a bad batch, and keeps many in flight', async () => {
    fake.journal.publishes.length = 0;
    fake.journal.delayMs = 100;
    async function* batches() {
      for (let n = 1n; n <= 30n; n += 1n) yield { batchId: n, events: n === 3n ? [{ source: 'x' }] : [{ type: 'p', id: `p${n}` }] };
      yield { batchId: 31n, events: [] };
    }
    const answers = await all(client.publishEvents(batches()));
    fake.journal.delayMs = 0;
    assert.deepEqual(
      answers.map(({ batchId }) => Number(batchId)),
      Array.from({ length: 31 }, (_, index) => index + 1),
    );
    assert.ok(fake.journal.mostAtOnce > 1, 'one does not wait for the other');
    const bad = answers.filter(({ error }) => error !== undefined);
    assert.deepEqual(
      bad.map(({ batchId, receipts }) => [Number(batchId), receipts.length]),
      [
        [3, 0],
        [31, 0],
      ],
    );
    assert.match(bad[0]?.error?.message ?? '', /events\[0\]\.type/);
    assert.equal(bad[0]?.error?.code, Code.InvalidArgument);
    assert.deepEqual(
      bad[0]?.error?.details.map(({ typeUrl }) => typeUrl.split('.').at(-1)),
      ['ErrorInfo', 'BadRequest'],
    );
    assert.equal(answers[0]?.receipts[0]?.id, 'p1');
  });

  it('refuses what the journal cannot see: a severity without a name, and a batch that is too large', async () => {
    async function* batches() {
      yield { batchId: 1n, events: [{ type: 'p' }, { type: 'p', severity: 99 as Event_Severity }] };
      yield { batchId: 2n, events: Array.from({ length: 1001 }, () => ({ type: 'p' })) };
      yield { batchId: 3n, events: Array.from({ length: 1000 }, () => ({ type: 'p' })) };
    }
    const [severity, size, fit] = await all(client.publishEvents(batches()));
    assert.match(severity?.error?.message ?? '', /events\[1\]\.severity/);
    assert.match(size?.error?.message ?? '', /events/);
    assert.equal(fit?.error, undefined);
    assert.equal(fit?.receipts.length, 1000);
  });
});

describe('WatchProcesses', () => {
  it('a snapshot, then every change in order', async () => {
    fake.supervisor.set(processView('p'));
    fake.supervisor.set(processView('q'));
    const client = createClient(ProcessService, transports['gRPC'] as Transport);
    const controller = new AbortController();
    const stream = client.watchProcesses({ ids: ['p', 'later'] }, { signal: controller.signal })[Symbol.asyncIterator]();
    const first = await stream.next();
    assert.deepEqual([first.value?.snapshot, first.value?.processes.map(({ id }: { id: string }) => id)], [true, ['p']]);
    for (const state of ['RUNNING', 'STOPPING', 'STOPPED'] as const) fake.supervisor.set(processView('p', { state }));
    fake.supervisor.set(processView('q', { state: 'RUNNING' }));
    const states: number[] = [];
    while (states.length < 3) states.push(...((await stream.next()).value?.processes.map(({ state }: { state: number }) => state) ?? []));
    assert.deepEqual(states, [3, 6, 1]);
    controller.abort();
  });
});

describe('health', () => {
  const client = createClient(Health, transports['gRPC'] as Transport);

  it('Check, List and Watch', async () => {
    assert.equal((await client.check({})).status, Serving.SERVING);
    assert.equal((await client.check({ service: 'journal' })).status, Serving.SERVING);
    assert.equal((await client.check({ service: 'sboxagent.v1.EventService' })).status, Serving.SERVING);
    assert.equal((await failure(client.check({ service: 'nothing' }))).code, Code.NotFound);
    assert.ok('journal' in (await client.list({})).statuses);
    const watch = client.watch({ service: '' })[Symbol.asyncIterator]();
    assert.equal((await watch.next()).value?.status, Serving.SERVING);
    fake.board.become('DEGRADED');
    fake.board.become('UNHEALTHY');
    assert.equal((await watch.next()).value?.status, Serving.NOT_SERVING);
    fake.board.become('HEALTHY');
    assert.equal((await watch.next()).value?.status, Serving.SERVING);
    await watch.return?.();
    const unknown = client.watch({ service: 'nothing' })[Symbol.asyncIterator]();
    assert.equal((await unknown.next()).value?.status, Serving.SERVICE_UNKNOWN);
    await unknown.return?.();
  });

  it('without a token: the word, and no more', async () => {
    const open = await serveApi(fake.deps, anonymous);
    try {
      const transport = createGrpcTransport({ baseUrl: open.url });
      assert.equal((await createClient(Health, transport).check({})).status, Serving.SERVING);
      assert.equal((await failure(createClient(Health, transport).check({ service: 'journal' }))).code, Code.Unauthenticated);
      assert.equal((await createClient(AgentService, transport).getHealth({})).components.length, 0);
    } finally {
      await open.close();
    }
  });
});

describe('reflection', () => {
  for (const service of [ServerReflection, ReflectionV1Alpha]) {
    it(service.typeName, async () => {
      const client = createClient(service as typeof ServerReflection, transports['gRPC'] as Transport);
      async function* questions() {
        yield { messageRequest: { case: 'listServices' as const, value: '' } };
        yield { messageRequest: { case: 'fileContainingSymbol' as const, value: 'sboxagent.v1.EventService.WatchEvents' } };
        yield { messageRequest: { case: 'fileContainingSymbol' as const, value: 'sboxagent.v1.Event' } };
        yield { messageRequest: { case: 'fileByFilename' as const, value: 'google/protobuf/struct.proto' } };
        yield { messageRequest: { case: 'fileByFilename' as const, value: 'nope.proto' } };
        yield { messageRequest: { case: 'allExtensionNumbersOfType' as const, value: 'google.protobuf.MethodOptions' } };
        yield {
          messageRequest: {
            case: 'fileContainingExtension' as const,
            value: { containingType: 'google.protobuf.MethodOptions', extensionNumber: 72295728 },
          },
        };
        for (const name of ['ErrorInfo', 'BadRequest', 'RetryInfo']) {
          yield { messageRequest: { case: 'fileContainingSymbol' as const, value: `google.rpc.${name}` } };
        }
      }
      const answers = (await all(client.serverReflectionInfo(questions()))).map(({ messageResponse }) => messageResponse);
      assert.equal(answers[0]?.case, 'listServicesResponse');
      const names = answers[0]?.case === 'listServicesResponse' ? answers[0].value.service.map(({ name }) => name) : [];
      assert.ok(names.includes('sboxagent.v1.EventService') && names.includes('grpc.reflection.v1alpha.ServerReflection'), String(names));
      const counts = answers.map((answer) => (answer?.case === 'fileDescriptorResponse' ? answer.value.fileDescriptorProto.length : -1));
      assert.ok((counts[1] ?? 0) >= 6, String(counts));
      assert.deepEqual(counts.slice(2, 5), [1, 1, -1], 'what was sent is not sent again, but for what is asked for');
      assert.equal(answers[4]?.case, 'errorResponse');
      assert.deepEqual(answers[5]?.case === 'allExtensionNumbersResponse' && answers[5].value.extensionNumber, [72295728]);
      assert.equal(counts[6], 1);
      assert.deepEqual(counts.slice(7), [1, 1, 1], 'the details of errors are known by name');
    });
  }
});
