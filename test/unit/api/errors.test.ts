import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { errorToJson } from '@connectrpc/connect/protocol-connect';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../../gen/es/google/rpc/error_details_pb.js';
import { StatusSchema } from '../../../gen/es/google/rpc/status_pb.js';
import { httpStatusOf, retryAfterSeconds } from '../../../src/api/errors/codes.ts';
import { fromUnknown } from '../../../src/api/errors/known.ts';
import { toStatus } from '../../../src/api/errors/status.ts';
import { toConnectError } from '../../../src/api/protocols/connect-error.ts';
import { toRestBody } from '../../../src/api/protocols/rest/error.ts';
import { AgentError, invalid } from '../../../src/kernel/errors.ts';

describe('an error on the wire', () => {
  const limited = new AgentError('RATE_LIMITED', 'wait', { retryAfterMs: 1234.2, metadata: { limit: '10' } });

  it('gives gRPC a status with ErrorInfo and RetryInfo', () => {
    const status = toStatus(limited);
    assert.equal(status.code, 8);
    const [info, retry] = status.details;
    assert.ok(info && retry);
    const errorInfo = anyUnpack(info, ErrorInfoSchema);
    assert.deepEqual([errorInfo?.reason, errorInfo?.domain, errorInfo?.metadata], ['RATE_LIMITED', 'sboxagent', { limit: '10' }]);
    assert.deepEqual(anyUnpack(retry, RetryInfoSchema)?.retryDelay?.nanos, 235_000_000);
  });

  it('gives REST its body and status', () => {
    const error = invalid([{ field: 'event.priority', message: 'too high', rule: 'int32.lte' }]);
    const body = toRestBody(error);
    assert.equal(httpStatusOf(error), 400);
    assert.equal(body.code, 'invalid_argument');
    assert.deepEqual(body.details[1], {
      '@type': 'type.googleapis.com/google.rpc.BadRequest',
      field_violations: [{ field: 'event.priority', description: 'too high', reason: 'int32.lte' }],
    });
    assert.equal(httpStatusOf(new AgentError('MESSAGE_TOO_LARGE', 'x')), 413);
    assert.equal(httpStatusOf(new AgentError('HOST_NOT_ALLOWED', 'x')), 421);
    assert.equal(retryAfterSeconds(limited), 2);
  });

  it('gives every ConnectError an ErrorInfo, and keeps one that has it', () => {
    const cases: [unknown, Code, string][] = [
      [limited, Code.ResourceExhausted, 'RATE_LIMITED'],
      [new ConnectError('too big', Code.ResourceExhausted), Code.ResourceExhausted, 'MESSAGE_TOO_LARGE'],
      [new ConnectError('parse binary: x', Code.Internal), Code.InvalidArgument, 'MALFORMED_BODY'],
      [new ConnectError('the operation timed out', Code.DeadlineExceeded), Code.DeadlineExceeded, 'DEADLINE_EXCEEDED'],
      [new ConnectError('x', Code.Unimplemented), Code.Unimplemented, 'RPC_UNIMPLEMENTED'],
      [new Error('password=1'), Code.Internal, 'INTERNAL'],
      ['text', Code.Internal, 'INTERNAL'],
    ];
    for (const [error, code, reason] of cases) {
      const out = toConnectError(error);
      assert.equal(out.code, code);
      assert.equal(out.findDetails(ErrorInfoSchema)[0]?.reason, reason);
      assert.equal(toConnectError(out), out);
      assert.doesNotMatch(out.message, /password/);
    }
    assert.equal(toConnectError(invalid([{ field: 'f', message: 'm' }])).findDetails(BadRequestSchema)[0]?.fieldViolations[0]?.field, 'f');
  });

  it('gives the violations of an apply in its record too, and stays within 4 KiB with many of them', () => {
    const refusal = (count: number) => {
      const violations = Array.from({ length: count }, (_, i) => ({
        ...{ path: `route.rule_set[${i}].path`, file: 'document', line: i, rule: 'file_outside' },
        message: `"/etc/${i}/${'y'.repeat(80)}" is outside the directories that this unit allows`,
      }));
      const record = {
        ...{ id: 'a', processId: 'edge', phase: 'DONE', result: 'REJECTED', fromRevision: 1, revision: 0, runningRevision: 1, traceId: '' },
        ...{ steps: [], engineOutput: [], violations, diff: 'x'.repeat(9000) },
        impact: { restart: false, dropsConnections: false, portsAdded: [], portsRemoved: [] },
      };
      return new AgentError('CONFIG_NOT_ALLOWED', 'the config chooses what it may not', {
        metadata: { apply_id: 'a' },
        violations: violations.map(({ path, message, rule }) => ({ field: path, message, rule })),
        detail: { kind: 'apply', record },
      });
    };
    const apply = toRestBody(refusal(2)).details.find((one) => one['@type'] === 'type.googleapis.com/sboxagent.v1.Apply');
    assert.deepEqual(
      (apply?.['violations'] as { path: string; message: string }[]).map(({ path, message }) => [path, message.length > 80]),
      [
        ['route.rule_set[0].path', true],
        ['route.rule_set[1].path', true],
      ],
    );
    const many = refusal(60);
    assert.ok(Buffer.byteLength(JSON.stringify(toRestBody(many).details)) <= 4096);
    assert.ok(toBinary(StatusSchema, toStatus(many)).length <= 5 * 1024);
    const connect = toConnectError(many);
    const json = JSON.parse(JSON.stringify(errorToJson(connect, undefined))) as { details: { type: string }[] };
    assert.ok(Buffer.byteLength(JSON.stringify(json.details)) <= 4096, String(Buffer.byteLength(JSON.stringify(json.details))));
    assert.deepEqual(json.details.map(({ type }) => type).slice(0, 2), ['google.rpc.ErrorInfo', 'google.rpc.BadRequest']);
    assert.ok((connect.findDetails(BadRequestSchema)[0]?.fieldViolations.length ?? 0) > 0);
    assert.match(JSON.stringify(toRestBody(many).details[0]), /violations_left_out/);
  });

  it('keeps the cause of what is unknown for the log', () => {
    const cause = new Error('disk on fire');
    assert.equal(fromUnknown(cause).cause, cause);
    assert.equal(fromUnknown(toConnectError(limited)), limited);
  });
});
