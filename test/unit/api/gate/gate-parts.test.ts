import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { authorityAllowed } from '../../../../src/api/gate/authority.ts';
import { createRateLimiter } from '../../../../src/api/gate/rate-limit.ts';
import { traceIdOf } from '../../../../src/api/gate/trace-id.ts';
import { createProtocols } from '../../../../src/api/protocols/protocols.ts';
import type { ServingProtocol } from '../../../../src/api/seam.ts';
import { mediaTypeOf } from '../../../../src/api/transports/exchange.ts';
import { type Clock, systemClock } from '../../../../src/kernel/clock.ts';
import { apiSettings } from '../../../helpers/door.ts';

describe('authority', () => {
  const table: [string | undefined, boolean][] = [
    ['localhost', true],
    ['Localhost:8080', true],
    ['127.0.0.1', true],
    ['[::1]:1', true],
    ['agent.lan:443', true],
    [undefined, false],
    ['', false],
    ['localhost.', false],
    ['localhost:', false],
    ['localhost:123456', false],
    ['::1', false],
    ['evil@localhost', false],
    ['localhost evil', false],
    ['127.0.0.1.nip.io', false],
    ['127.1', false],
    ['[::1', false],
  ];
  for (const [authority, allowed] of table) {
    it(`${JSON.stringify(authority)} is ${allowed ? 'allowed' : 'refused'}`, () => {
      assert.equal(authorityAllowed(authority, ['Agent.lan']), allowed);
    });
  }
});

describe('rate limit', () => {
  it('passes a burst, then so many a minute, and tells how long to wait', () => {
    let nowMs = 0;
    const clock: Clock = { ...systemClock, monotonicMs: () => nowMs };
    const limiter = createRateLimiter({ enabled: true, requestsPerMinute: 60, burst: 2 }, clock);
    assert.deepEqual([limiter.take('a'), limiter.take('a'), limiter.take('a')], [0, 0, 1000]);
    assert.equal(limiter.take('b'), 0, 'another key has a bucket of its own');
    nowMs = 400;
    assert.equal(limiter.take('a'), 600);
    nowMs = 1000;
    assert.equal(limiter.take('a'), 0);
    nowMs = 600_000;
    assert.deepEqual([limiter.take('a'), limiter.take('a'), limiter.take('a') > 0], [0, 0, true]);
  });

  it('forgets the key that was idle longest when there are too many', () => {
    const limiter = createRateLimiter({ enabled: true, requestsPerMinute: 1, burst: 1 }, { ...systemClock, monotonicMs: () => 0 });
    limiter.take('first');
    for (let i = 0; i < 10_000; i += 1) limiter.take(`key ${i}`);
    assert.equal(limiter.take('first'), 0);
    assert.ok(limiter.take('key 9999') > 0);
  });

  it('is off when it is off', () => {
    const limiter = createRateLimiter({ enabled: false, requestsPerMinute: 1, burst: 1 }, systemClock);
    assert.deepEqual([limiter.take('a'), limiter.take('a')], [0, 0]);
  });
});

describe('protocols by content type', () => {
  const limits = () => apiSettings().limits;
  const protocols = createProtocols({ methods: [], limits, connect: {}, details: true });
  const { grpc, grpcWeb, connectStream, connectUnary } = protocols;
  const table: [string, ServingProtocol | undefined][] = [
    ['application/grpc', grpc],
    ['application/grpc+proto', grpc],
    ['application/grpc-web', grpcWeb],
    ['application/grpc-web+json', grpcWeb],
    ['application/grpcx', undefined],
    ['application/connect+json', connectStream],
    ['application/json; charset=utf-8', connectUnary],
    ['Application/Proto', connectUnary],
    ['text/plain', undefined],
    ['', undefined],
  ];
  for (const [type, protocol] of table) {
    it(`${type} -> ${protocol?.name}`, () => assert.equal(protocols.byType(mediaTypeOf({ headers: { 'content-type': type } })), protocol));
  }
});

describe('trace id', () => {
  const id = '0123456789abcdef0123456789abcdef';
  it('is the one of a valid traceparent', () => assert.equal(traceIdOf(`00-${id}-0123456789abcdef-01`), id));
  const broken = [
    undefined,
    '',
    `00-${'0'.repeat(32)}-0123456789abcdef-01`,
    `00-${id}-${'0'.repeat(16)}-01`,
    `ff-${id}-0123456789abcdef-01`,
    `00-${id}-zz-01`,
  ];
  for (const one of broken) {
    it(`is new for ${one}`, () => {
      const made = traceIdOf(one);
      assert.match(made, /^[0-9a-f]{32}$/);
      assert.notEqual(made, id);
    });
  }
});
