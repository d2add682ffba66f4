import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createContextValues, createHandlerContext, createMethodImplSpec, type Interceptor } from '@connectrpc/connect';
import { createAsyncIterable, invokeUnaryImplementation, transformInvokeImplementation } from '@connectrpc/connect/protocol';
import { BadRequestSchema } from '../../../../gen/es/google/rpc/error_details_pb.js';
import { EventFilterSchema, EventSchema } from '../../../../gen/es/sboxagent/v1/event_pb.js';
import { EventService, WatchEventsRequestSchema, type WatchEventsResponse } from '../../../../gen/es/sboxagent/v1/event_service_pb.js';
import { type Process, ProcessSchema } from '../../../../gen/es/sboxagent/v1/process_pb.js';
import { ProcessService, RestartProcessRequestSchema } from '../../../../gen/es/sboxagent/v1/process_service_pb.js';
import { errors } from '../../../../src/api/interceptors/errors.ts';
import { idempotent, requestHash } from '../../../../src/api/interceptors/idempotency.ts';
import { createValidate, validation } from '../../../../src/api/interceptors/validation.ts';
import { rpcMethods } from '../../../../src/api/methods.ts';
import { callKey, type Protocol } from '../../../../src/api/seam.ts';
import { AgentError } from '../../../../src/kernel/errors.ts';
import { FakeRequests } from '../../../helpers/api-fakes.ts';
import { type TestCall, testCall } from '../../../helpers/api-server.ts';

const methods = rpcMethods([EventService, ProcessService].map((service) => ({ service, implementation: {} })));

function callOf(name: string, protocol: Protocol = 'grpc'): TestCall {
  const method = methods.find(({ desc }) => desc.name === name);
  assert.ok(method);
  return testCall(method, { protocol });
}

function contextOf(call: TestCall) {
  return createHandlerContext({
    service: call.method.service,
    method: call.method.desc,
    protocolName: 'test',
    requestMethod: 'POST',
    url: 'http://localhost',
    requestSignal: call.signal,
    contextValues: createContextValues().set(callKey, call),
  });
}

type Restart = () => Process | Promise<Process>;

function restart(
  call: TestCall,
  interceptors: Interceptor[],
  requestId: string,
  impl: Restart,
  memory = new FakeRequests(),
): Promise<Process> {
  const method = ProcessService.method.restartProcess;
  const spec = createMethodImplSpec(method, idempotent(memory, method, (async () => impl()) as never) as never);
  const request = create(RestartProcessRequestSchema, { id: 'p', requestId });
  return invokeUnaryImplementation(spec as never, contextOf(call), request, interceptors) as unknown as Promise<Process>;
}

describe('errors', () => {
  it('an AgentError becomes a ConnectError, and the call learns its code', async () => {
    const call = callOf('RestartProcess');
    const failing = restart(call, [errors], '', () => {
      throw new AgentError('PROCESS_NOT_FOUND', 'process p is unknown');
    });
    await assert.rejects(failing, (error) => error instanceof ConnectError && error.code === Code.NotFound);
    assert.equal(call.ended, 'not_found');
  });

  it('REST keeps the AgentError', async () => {
    const failing = restart(callOf('RestartProcess', 'rest'), [errors], '', () => {
      throw new AgentError('PROCESS_NOT_FOUND', 'process p is unknown');
    });
    await assert.rejects(failing, AgentError);
  });

  it('what is unknown goes out as INTERNAL, without its text', async () => {
    const call = callOf('RestartProcess');
    const failing = restart(call, [errors], '', () => {
      throw new Error('the password is 1234');
    });
    await assert.rejects(
      failing,
      (error) => error instanceof ConnectError && error.code === Code.Internal && !error.message.includes('1234'),
    );
    assert.equal(call.ended, 'internal');
  });

  async function watch(call: TestCall, messages: () => AsyncGenerator<WatchEventsResponse>, take: number): Promise<number> {
    const spec = createMethodImplSpec(EventService.method.watchEvents, messages as never);
    const stream = transformInvokeImplementation(spec as never, contextOf(call), [errors]);
    let taken = 0;
    for await (const _ of stream(createAsyncIterable([create(WatchEventsRequestSchema)]) as never)) {
      taken += 1;
      if (taken === take) break;
    }
    return taken;
  }
  async function* two(): AsyncGenerator<WatchEventsResponse> {
    yield {} as WatchEventsResponse;
    yield {} as WatchEventsResponse;
  }

  it('a stream that ends, one that fails, and one that is left', async () => {
    const whole = callOf('WatchEvents');
    assert.equal(await watch(whole, two, 9), 2);
    assert.equal(whole.ended, 'ok');
    const left = callOf('WatchEvents');
    assert.equal(await watch(left, two, 1), 1);
    assert.equal(left.ended, 'canceled');
    const failed = callOf('WatchEvents');
    const failing = watch(
      failed,
      async function* () {
        yield* two();
        throw new AgentError('SHUTTING_DOWN', 'the agent is stopping');
      },
      9,
    );
    await assert.rejects(failing, (error) => error instanceof ConnectError && error.code === Code.Unavailable);
    assert.equal(failed.ended, 'unavailable');
  });
});

describe('idempotency', () => {
  it('does a write once, remembers no failure, and refuses another request under the same id', async () => {
    const memory = new FakeRequests();
    const chain = [errors];
    let runs = 0;
    const impl = (): Process => {
      runs += 1;
      if (runs === 1) throw new AgentError('START_FAILED', 'it did not start');
      return create(ProcessSchema, { id: 'p', pid: runs });
    };
    await assert.rejects(restart(callOf('RestartProcess'), chain, 'r', impl, memory));
    assert.equal((await restart(callOf('RestartProcess'), chain, 'r', impl, memory)).pid, 2);
    assert.equal((await restart(callOf('RestartProcess'), chain, 'r', impl, memory)).pid, 2);
    assert.equal((await restart(callOf('RestartProcess'), chain, '', impl, memory)).pid, 3);
    assert.equal((await restart(callOf('RestartProcess'), chain, '', impl, memory)).pid, 4);
  });

  it('the hash is of what is said, not of its order', () => {
    const hash = (attributes: Record<string, string>): string => requestHash(EventSchema, create(EventSchema, { type: 'a', attributes }));
    assert.equal(hash({ a: '1', b: '2' }), hash({ b: '2', a: '1' }));
    assert.notEqual(hash({ a: '1' }), hash({ a: '2' }));
  });
});

describe('validation', () => {
  const validate = createValidate();

  it('judges what comes before the service runs', async () => {
    const chain = [errors, validation(validate, new Set())];
    const spec = createMethodImplSpec(ProcessService.method.restartProcess, () => assert.fail('the service ran'));
    const call = callOf('RestartProcess');
    const failing = invokeUnaryImplementation(spec as never, contextOf(call), create(RestartProcessRequestSchema), chain);
    await assert.rejects(failing, (error) => {
      assert.ok(error instanceof ConnectError);
      assert.deepEqual(
        error.findDetails(BadRequestSchema)[0]?.fieldViolations.map(({ field }) => field),
        ['id'],
      );
      return true;
    });
  });

  it('names items and keys', () => {
    const filter = create(EventFilterSchema, { types: ['a', ''] });
    assert.throws(
      () => validate(EventFilterSchema, filter),
      (error) => error instanceof AgentError && error.violations[0]?.field === 'types[1]',
    );
    const event = create(EventSchema, { type: 'a', attributes: { k: 'x'.repeat(5000) } });
    assert.throws(
      () => validate(EventSchema, event),
      (error) => error instanceof AgentError && error.violations[0]?.field === 'attributes["k"]',
    );
  });
});
