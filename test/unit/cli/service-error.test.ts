import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { Status } from '../../../gen/ts/google/rpc/status.ts';
import { complaint } from '../../../src/cli/complaint.ts';
import { failureOf } from '../../../src/cli/service-error.ts';
import { refusal } from '../../helpers/fake-agent.ts';

function serviceError(code: status, details: string, metadata = new Metadata()): ServiceError {
  return Object.assign(new Error(`${code} ${status[code]}: ${details}`), { code, details, metadata });
}

test('the whole message is told, though grpc-js decodes its header by half', () => {
  const { metadata } = refusal(status.NOT_FOUND, 'no 100%41: "a, b"', { info: 'PROCESS_NOT_FOUND' });
  const failure = failureOf(serviceError(status.NOT_FOUND, 'no 100%41%3A "a%2C b"', metadata), 'x');
  assert.deepEqual([failure.exitCode, failure.message, failure.reason], [1, 'no 100%41: "a, b"', 'PROCESS_NOT_FOUND']);
  assert.equal(failureOf(serviceError(status.NOT_FOUND, 'a%3A b%2C 100%41'), 'x').message, 'a: b, 100%41');
});

test('details that are broken, or of another kind, are left out', () => {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from([0xff, 0xff]));
  assert.equal(failureOf(serviceError(status.INTERNAL, 'oops', metadata), 'x').message, 'oops');
  metadata.set(
    'grpc-status-details-bin',
    Buffer.from(Status.encode(Status.fromPartial({ message: 'm', details: [{ type_url: 'x/y', value: Buffer.from('z') }] })).finish()),
  );
  assert.deepEqual([failureOf(serviceError(status.INTERNAL, 'oops', metadata), 'x').message], ['m']);
});

test('unreachable is only what the agent did not say itself', () => {
  const said = refusal(status.UNAVAILABLE, 'the agent is stopping', { info: 'SHUTTING_DOWN', retryMs: 200 }).metadata;
  const stopping = failureOf(serviceError(status.UNAVAILABLE, 'x', said), 'where');
  assert.deepEqual([stopping.exitCode, stopping.passing, stopping.retryAfterMs], [1, true, 200]);
  const gone = failureOf(
    serviceError(status.UNAVAILABLE, 'No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1'),
    'where',
  );
  assert.deepEqual([gone.exitCode, gone.passing, gone.message], [3, true, 'no agent answers at where: connect ECONNREFUSED 127.0.0.1:1']);
  const refused = failureOf(serviceError(status.PERMISSION_DENIED, 'no'), 'where');
  assert.deepEqual([refused.exitCode, refused.passing], [1, false]);
});

test('a fault of ours stays one', () => {
  const fault = new TypeError('ours');
  assert.throws(() => failureOf(fault, 'x'), fault);
});

test('a line break in what the agent says is a line break, and nothing of it drives the terminal', () => {
  const said = 'the engine refuses it:\nrow 2, column 1\u001b[2J';
  const { metadata } = refusal(status.FAILED_PRECONDITION, said, { info: 'CONFIG_REFUSED', violations: [['content', 'one\ntwo']] });
  const text = complaint(failureOf(serviceError(status.FAILED_PRECONDITION, said.replaceAll('\n', '%0A'), metadata), 'x'));
  assert.match(
    text,
    /^sboxagent: the engine refuses it: \(CONFIG_REFUSED\)\n {2}row 2, column 1\\x1b\[2J\n {2}content: one\n {2}two\nWhat to do: /,
  );
});
