import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, type MessageInitShape, setExtension } from '@bufbuild/protobuf';
import { MethodDescriptorProtoSchema, MethodOptionsSchema } from '@bufbuild/protobuf/wkt';
import { http } from '../../../../../gen/es/google/api/annotations_pb.js';
import { HttpRuleSchema } from '../../../../../gen/es/google/api/http_pb.js';
import { EventService } from '../../../../../gen/es/sboxagent/v1/event_service_pb.js';
import { LogService } from '../../../../../gen/es/sboxagent/v1/log_service_pb.js';
import { ProcessService } from '../../../../../gen/es/sboxagent/v1/process_service_pb.js';
import { serveMethods } from '../../../../../src/api/dispatch/dispatch.ts';
import { methodTable, rpcMethods } from '../../../../../src/api/methods.ts';
import { createRouter } from '../../../../../src/api/protocols/rest/router.ts';
import type { ServedMethod } from '../../../../../src/api/seam.ts';
import { mountedServices } from '../../../../helpers/api-server.ts';

const mounted = [EventService, ProcessService, LogService].map((service) => ({ service, implementation: {} }));
const methods = serveMethods(mounted, { validate: () => {}, memory: undefined });
const router = createRouter(methods);

describe('match', () => {
  const rows: [string, string, string][] = [
    ['GET', '/api/v1/events', 'ListEvents'],
    ['HEAD', '/api/v1/events', 'ListEvents'],
    ['POST', '/api/v1/events', 'CreateEvent'],
    ['POST', '/api/v1/events:batch', 'BatchCreateEvents'],
    ['GET', '/api/v1/events:watch', 'WatchEvents'],
    ['GET', '/api/v1/events/x', 'GetEvent'],
    ['GET', '/api/v1/events/a:b', 'GetEvent'],
    ['GET', '/api/v1/logs:tail', 'TailLogs'],
    ['POST', '/api/v1/processes/p:restart', 'RestartProcess'],
    ['DELETE', '/api/v1/processes/p', 'StopProcess'],
    ['PATCH', '/api/v1/events', 'Allow GET,HEAD,POST'],
    ['GET', '/api/v1/processes/p:restart', 'Allow POST'],
    ['POST', '/api/v1/processes/p:fly', 'Allow DELETE,GET,HEAD'],
    ['GET', '/api/v1/processes/', 'none'],
    ['GET', '//api/v1/events', 'none'],
    ['GET', '/api/v1/events/a/b', 'none'],
    ['GET', '', 'none'],
    ['GET', '*', 'none'],
  ];
  for (const [httpMethod, path, wanted] of rows) {
    it(`${httpMethod} ${path}`, () => {
      const match = router.match(httpMethod, path);
      const got = match.kind === 'route' ? match.method.desc.name : match.kind === 'none' ? 'none' : `Allow ${match.allow.join(',')}`;
      assert.equal(got, wanted);
    });
  }
});

it('refuses two routes of one place', () => {
  const twice = methods.filter(({ desc }) => desc.name === 'GetEvent');
  assert.throws(() => createRouter([...twice, ...twice]), /GET \/api\/v1\/events\/\{id\} is a route of/);
});

/** GetEvent as if its proto said this of its route. */
function withRule(rule: MessageInitShape<typeof HttpRuleSchema>): ServedMethod {
  const method = methods.find(({ desc }) => desc.name === 'GetEvent');
  assert.ok(method);
  const options = create(MethodOptionsSchema);
  setExtension(options, http, create(HttpRuleSchema, rule));
  return { ...method, desc: { ...method.desc, proto: create(MethodDescriptorProtoSchema, { options }) } };
}

describe('a route that names what is not there fails the start', () => {
  const rules: readonly [string, MessageInitShape<typeof HttpRuleSchema>, RegExp][] = [
    [
      'a field of the path',
      { pattern: { case: 'get', value: '/x/{ghost}' } },
      /GET \/x\/\{ghost\} names ghost, which sboxagent\.v1\.GetEventRequest/,
    ],
    [
      'a part of one that is no message',
      { pattern: { case: 'get', value: '/x/{id.ghost}' } },
      /names id\.ghost, of which a part is no message/,
    ],
    ['a body', { pattern: { case: 'post', value: '/x' }, body: 'ghost' }, /POST \/x names ghost/],
    ['an answer that is a part', { pattern: { case: 'get', value: '/x' }, responseBody: 'id' }, /has a response_body/],
    ['no pattern', {}, /has no pattern/],
  ];
  for (const [what, rule, why] of rules) it(what, () => assert.throws(() => createRouter([withRule(rule)]), why));
  it('and one that is right does not', () => {
    assert.equal(createRouter([withRule({ pattern: { case: 'get', value: '/x/{id}' } })]).match('GET', '/x/1').kind, 'route');
  });
});

describe('scope table', () => {
  it('has a row for every method that is served, and no other', () => {
    const served = mountedServices().flatMap((service) => service.methods.map(({ name }) => `${service.typeName}.${name}`));
    assert.deepEqual(Object.keys(methodTable).sort(), served.sort());
  });

  it('a method without a row does not start', () => {
    assert.throws(() => rpcMethods([{ service: EventService, implementation: {} }], {}), /CreateEvent has no row/);
  });

  it('streams and scopes are told', () => {
    const byName = new Map(methods.map((method) => [method.desc.name, method]));
    assert.deepEqual([byName.get('WatchEvents')?.stream, byName.get('ListEvents')?.stream], [true, false]);
    assert.deepEqual(
      [byName.get('CreateEvent')?.scope, byName.get('StopProcess')?.scope, byName.get('ListLogs')?.scope],
      ['events:write', 'operate', 'read'],
    );
  });
});
