import assert from 'node:assert/strict';
import { it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { ListEventsRequestSchema } from '../../../../gen/es/sboxagent/v1/event_service_pb.js';
import { createValidate } from '../../../../src/api/dispatch/validation.ts';
import { AgentError } from '../../../../src/kernel/errors.ts';

it('a choice that may be empty says so, instead of a list that begins with nothing', () => {
  const request = create(ListEventsRequestSchema, { orderBy: 'sideways' });
  assert.throws(
    () => createValidate()(ListEventsRequestSchema, request),
    (error: unknown) => {
      assert.ok(error instanceof AgentError);
      const [violation] = error.violations;
      assert.equal(violation?.message, 'must be empty or one of revision, revision asc, revision desc');
      return true;
    },
  );
});
