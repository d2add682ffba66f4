import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, type Message } from '@bufbuild/protobuf';
import { createContextValues, type HandlerContext } from '@connectrpc/connect';
import { EventFilterSchema, EventSchema } from '../../../../gen/es/sboxagent/v1/event_pb.js';
import { EventService, WatchEventsRequestSchema } from '../../../../gen/es/sboxagent/v1/event_service_pb.js';
import { type Process, ProcessSchema } from '../../../../gen/es/sboxagent/v1/process_pb.js';
import { ProcessService, RestartProcessRequestSchema } from '../../../../gen/es/sboxagent/v1/process_service_pb.js';
import { callSignal } from '../../../../src/api/calls.ts';
import { type DispatchOptions, serveMethods } from '../../../../src/api/dispatch/dispatch.ts';
import { requestHash } from '../../../../src/api/dispatch/idempotency.ts';
import { createValidate } from '../../../../src/api/dispatch/validation.ts';
import { callKey, type Mounted, type ServedMethod } from '../../../../src/api/seam.ts';
import { AgentError } from '../../../../src/kernel/errors.ts';
import type { Principal } from '../../../../src/kernel/principal.ts';
import { FakeRequests } from '../../../helpers/api-fakes.ts';
import { type TestCall, testCall } from '../../../helpers/api-server.ts';

type Restart = (request: unknown, context: HandlerContext) => Process | Promise<Process>;

function served(name: string, implementation: object, options: Partial<DispatchOptions> = {}): ServedMethod {
  const service = name.endsWith('Events') ? EventService : ProcessService;
  const mounted = [{ service, implementation } as unknown as Mounted];
  const method = serveMethods(mounted, { validate: createValidate(), memory: new FakeRequests(), ...options }).find(
    ({ desc }) => desc.name === name,
  );
  assert.ok(method);
  return method;
}

function contextOf(call: TestCall): HandlerContext {
  return { signal: call.signal, values: createContextValues().set(callKey, call) } as unknown as HandlerContext;
}

function restarter(restartProcess: Restart, memory = new FakeRequests()) {
  const method = served('RestartProcess', { restartProcess }, { memory });
  assert.ok(method.run.kind === 'unary');
  const { unary } = method.run;
  return {
    method,
    async call(requestId = '', call: TestCall = testCall(method)): Promise<Process> {
      return (await unary(create(RestartProcessRequestSchema, { id: 'p', requestId }), contextOf(call))) as Process;
    },
  };
}

function wordsOf({ reason, message, metadata }: AgentError): Pick<AgentError, 'reason' | 'message' | 'metadata'> {
  return { reason, message, metadata };
}

const unknownProcess: Restart = () => {
  throw new AgentError('PROCESS_NOT_FOUND', 'process p is unknown');
};

describe('errors', () => {
  it('an AgentError comes out as it is, and the call learns its code', async () => {
    const { method, call } = restarter(unknownProcess);
    const open = testCall(method);
    await assert.rejects(call('', open), (error) => error instanceof AgentError && error.reason === 'PROCESS_NOT_FOUND');
    assert.equal(open.ended, 'not_found');
  });

  it('what is unknown goes out as INTERNAL, without its text', async () => {
    const { method, call } = restarter(() => {
      throw new Error('the password is 1234');
    });
    const open = testCall(method);
    await assert.rejects(
      call('', open),
      (error) => error instanceof AgentError && error.code === 'internal' && !/1234/.test(error.message),
    );
    assert.equal(open.ended, 'internal');
  });

  it('a caller without the scope is refused, whatever carried the call', async () => {
    const reader: Principal = { id: 'reader', name: 'reader', scopes: new Set(['read']) };
    const { method, call } = restarter(() => assert.fail('the service ran'));
    await assert.rejects(call('', testCall(method, { principal: reader })), /lacks the scope operate/);
  });
});

describe('streams', () => {
  async function* two(): AsyncGenerator<Message> {
    yield {} as Message;
    yield {} as Message;
  }

  async function watch(messages: (request: unknown, context: HandlerContext) => AsyncIterable<Message>, take: number) {
    const method = served('WatchEvents', { watchEvents: messages });
    assert.ok(method.run.kind === 'server_streaming');
    const call = testCall(method);
    const taken: object[] = [];
    const read = async (): Promise<void> => {
      if (method.run.kind !== 'server_streaming') return;
      for await (const message of method.run.stream(create(WatchEventsRequestSchema), contextOf(call))) {
        if (taken.push(message) === take) break;
      }
    };
    const error = await read().catch((thrown: unknown) => thrown);
    return { taken: taken.length, ended: call.ended, error };
  }

  it('one that ends, one that fails, and one that is left', async () => {
    assert.deepEqual(await watch(two, 9), { taken: 2, ended: 'ok', error: undefined });
    assert.deepEqual(await watch(two, 1), { taken: 1, ended: 'canceled', error: undefined });
    const failed = await watch(async function* () {
      yield* two();
      throw new AgentError('SHUTTING_DOWN', 'the agent is stopping');
    }, 9);
    assert.deepEqual([failed.taken, failed.ended, failed.error instanceof AgentError], [2, 'unavailable', true]);
  });

  it('leaving reaches an iterator that waits for something to say', async () => {
    let returned = 0;
    const parked: AsyncIterable<Message> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        async return() {
          returned += 1;
          return { done: true, value: undefined };
        },
      }),
    };
    const method = served('WatchEvents', { watchEvents: () => parked });
    assert.ok(method.run.kind === 'server_streaming');
    const messages = method.run.stream(create(WatchEventsRequestSchema), contextOf(testCall(method)))[Symbol.asyncIterator]();
    void messages.next();
    await messages.return?.();
    assert.equal(returned, 1);
  });
});

describe('idempotency', () => {
  it('does a write once, remembers no failure, and refuses another request under the same id', async () => {
    let runs = 0;
    const { call } = restarter(() => {
      runs += 1;
      if (runs === 1) throw new AgentError('START_FAILED', 'it did not start');
      return create(ProcessSchema, { id: 'p', pid: runs });
    });
    await assert.rejects(call('r'));
    assert.equal((await call('r')).pid, 2);
    assert.equal((await call('r')).pid, 2);
    assert.equal((await call('')).pid, 3);
    assert.equal((await call('')).pid, 4);
  });

  it('keeps a refusal that is the outcome of an apply, whole; what passes is judged anew', async () => {
    const detail = { kind: 'apply', record: { id: 'a1', steps: [], engineOutput: ['FATAL bad'] } } as const;
    const refusals = [
      new AgentError('APPLY_ROLLED_BACK', 'it did not prove itself', { metadata: { apply_id: 'a1' }, detail, cause: new Error('mine') }),
      new AgentError('INTERNAL', 'a bug', { detail }),
      new AgentError('DISK_FULL', 'no room', { detail }),
      new AgentError('PROCESS_NOT_FOUND', 'not there yet'),
    ];
    for (const [i, refusal] of refusals.entries()) {
      let runs = 0;
      const { call } = restarter(() => {
        runs += 1;
        throw refusal;
      });
      const answers = [await call('r').catch((error: unknown) => error), await call('r').catch((error: unknown) => error)];
      assert.equal(runs, i === 0 ? 1 : 2);
      for (const answer of answers) {
        assert.ok(answer instanceof AgentError);
        const { reason, message, metadata, detail: of } = answer;
        assert.deepEqual({ reason, message, metadata, of }, { ...wordsOf(refusal), of: refusal.detail });
      }
    }
  });

  it('the work goes on without its caller, holds the place until it is done, and is answered to who asks again', async () => {
    const release = Promise.withResolvers<void>();
    let seen: AbortSignal | undefined;
    let runs = 0;
    const { method, call } = restarter(async (_request, context) => {
      seen = callSignal(context);
      runs += 1;
      await release.promise;
      seen.throwIfAborted();
      return create(ProcessSchema, { id: 'p', pid: 7 });
    });
    const first = testCall(method);
    const held: Promise<unknown>[] = [];
    first.holdUntil = (work) => void held.push(work);
    const lost = call('again', first);
    await new Promise((resolve) => setImmediate(resolve));
    first.cut(new AgentError('CANCELED', 'the client left'));
    await assert.rejects(lost, /the client left/);
    assert.equal(seen?.aborted, false);
    const second = call('again');
    release.resolve();
    assert.equal((await second).pid, 7);
    assert.equal(runs, 1);
    assert.equal(held.length, 1);
    await Promise.all(held);
  });

  it('without a request_id the signal reaches the service', async () => {
    let seen: AbortSignal | undefined;
    const { method, call } = restarter(async (_request, context) => {
      seen = callSignal(context);
      return create(ProcessSchema);
    });
    const open = testCall(method);
    await call('', open);
    assert.equal(seen, open.signal);
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
    const method = served('RestartProcess', { restartProcess: () => assert.fail('the service ran') });
    assert.ok(method.run.kind === 'unary');
    await assert.rejects(method.run.unary(create(RestartProcessRequestSchema), contextOf(testCall(method))), (error) => {
      assert.ok(error instanceof AgentError);
      assert.deepEqual(
        error.violations.map(({ field }) => field),
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
