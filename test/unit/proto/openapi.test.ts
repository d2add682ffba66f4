import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { create, createFileRegistry, type DescMessage, fromBinary, fromJson, type JsonValue, setExtension } from '@bufbuild/protobuf';
import { FieldOptionsSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { FieldRulesSchema, field as rulesOf } from '../../../gen/es/buf/validate/validate_pb.js';
import type { Json } from '../../../proto/openapi/constraints.ts';
import { exampleOf } from '../../../proto/openapi/examples.ts';
import { createSchemas } from '../../../proto/openapi/schemas.ts';
import { methodTable } from '../../../src/api/methods.ts';
import { generatedOpenApi, protoImage } from '../../helpers/openapi.ts';

const root = join(import.meta.dirname, '../../..');
const image = protoImage();
const { document } = generatedOpenApi(image);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));

type Operation = Json & { operationId: string; parameters?: Json[]; responses: Record<string, Json>; requestBody?: Json };
const paths = document['paths'] as Record<string, Record<string, Operation>>;
const components = document['components'] as Record<string, Record<string, Json>>;
const operations = Object.values(paths).flatMap((item) => Object.values(item));

function operation(id: string): Operation {
  const found = operations.find(({ operationId }) => operationId === id);
  assert.ok(found !== undefined, id);
  return found;
}

function message(name: string): DescMessage {
  const desc = registry.getMessage(`sboxagent.v1.${name}`);
  assert.ok(desc !== undefined, name);
  return desc;
}

function parameter(id: string, name: string): Json {
  const found = operation(id).parameters?.find((one) => one['name'] === name);
  assert.ok(found !== undefined, `${id} has no parameter ${name}`);
  return found;
}

/** Follows a reference into the components. */
function resolve(value: Json): Json {
  const ref = value['$ref'];
  if (typeof ref !== 'string') return value;
  const [, , kind = '', name = ''] = ref.split('/');
  const found = components[kind]?.[name];
  assert.ok(found !== undefined, `${ref} leads nowhere`);
  return found;
}

function schemaOf(name: string, field: string): Json {
  const found = (components['schemas']?.[name]?.['properties'] as Record<string, Json> | undefined)?.[field];
  assert.ok(found !== undefined, `${name}.${field}`);
  return found;
}

/** Everything that has a schema and examples of it: bodies and answers. */
function mediaTypes(): { readonly where: string; readonly schema: unknown; readonly values: readonly unknown[] }[] {
  return operations.flatMap((one) => {
    const contents: (readonly [string, Json])[] = [
      ...(one.requestBody === undefined ? [] : [['request', one.requestBody] as const]),
      ...Object.entries(one.responses),
    ];
    return contents.flatMap(([status, content]) =>
      Object.entries((resolve(content)['content'] ?? {}) as Record<string, Json>).map(([type, media]) => {
        const named = Object.values((media['examples'] ?? {}) as Record<string, Json>).map((example) => resolve(example)['value']);
        const values = media['example'] === undefined ? named : [media['example'], ...named];
        return { where: `${one.operationId} ${status} ${type}`, schema: media['schema'], values };
      }),
    );
  });
}

describe('the OpenAPI document', () => {
  it('has every method that has a route, with its scope, its comment and its place in gRPC', () => {
    const routed = Object.keys(methodTable).filter((name) => !/PluginSession|PublishEvents|^grpc\./.test(name));
    const described = operations.flatMap((one) => one['x-grpc-method'] ?? []);
    assert.deepEqual(new Set(described), new Set(routed.map((name) => name.replace(/\.(\w+)$/, '/$1'))));
    for (const one of operations) {
      assert.ok(typeof one['summary'] === 'string' && /^[^`\n]{5,}$/.test(one['summary']), one.operationId);
      const name = String(one['x-grpc-method'] ?? '').replace('/', '.');
      const scope = methodTable[name]?.scope;
      if (scope !== undefined) assert.equal(one['x-required-scope'], scope === 'none' ? undefined : scope, name);
    }
  });

  it('has an example of every message, which is one', () => {
    for (const desc of registry) {
      // Its error has details of any type, which no REST answer has.
      if (desc.kind !== 'message' || !desc.typeName.startsWith('sboxagent.v1.') || desc.name === 'PublishEventsResponse') continue;
      for (const way of ['request', 'response'] as const) {
        assert.doesNotThrow(() => fromJson(desc, exampleOf(desc, way) as JsonValue), `${desc.typeName} as a ${way}`);
      }
    }
  });

  it('has examples that hold to its schemas', () => {
    const ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: true, validateFormats: true }));
    for (const format of ['int32', 'int64', 'double']) ajv.addFormat(format, true);
    ajv.addSchema({ $id: 'document', components }, 'document');
    const withId = (schema: unknown): Json =>
      JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"document#/components/')) as Json;
    let examples = 0;
    const compiled = new Map<string, ValidateFunction>();
    for (const { where, schema, values } of mediaTypes()) {
      const text = JSON.stringify(schema);
      const validate = compiled.get(text) ?? ajv.compile(withId(schema));
      compiled.set(text, validate);
      for (const value of values) {
        examples += 1;
        assert.ok(validate(value), `${where}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(value)}`);
      }
    }
    assert.ok(examples > 200, `only ${examples} examples`);
  });

  it('names every component somewhere', () => {
    const text = JSON.stringify(document);
    for (const [kind, named] of Object.entries(components)) {
      if (kind === 'securitySchemes') continue;
      for (const name of Object.keys(named)) assert.ok(text.includes(`"#/components/${kind}/${name}"`), `${kind} ${name}`);
    }
  });

  it('says nested fields of the query with a dot, maps by their entries, and durations as they are taken', () => {
    assert.deepEqual((parameter('listProcesses', 'filter.states')['schema'] as Json)['items'], {
      $ref: '#/components/schemas/ProcessState',
    });
    assert.equal((parameter('listProcesses', 'page_size')['schema'] as Json)['minimum'], 0);
    const labels = parameter('getMetrics', 'labels')['schema'] as Json;
    assert.deepEqual(labels['maxProperties'], 16);
    assert.deepEqual(Object.keys(labels['patternProperties'] as Json), ['^labels\\..+$']);
    const grace = new RegExp(String((parameter('stopProcess', 'grace')['schema'] as Json)['pattern']));
    for (const taken of ['1.5s', '0s', '1m30s', '500ms']) assert.match(taken, grace);
    for (const refused of ['5', 'soon', '1.5', '-1m']) assert.doesNotMatch(refused, grace);
    assert.match(String(parameter('stopProcess', 'grace')['description']), /At least 0s[\s\S]*At most 3600s/);
  });

  it('says path, headers and what stands beside a body', () => {
    assert.equal(parameter('getProcess', 'id')['in'], 'path');
    assert.equal((parameter('getProcess', 'id')['schema'] as Json)['minLength'], 1);
    assert.equal(parameter('updatePluginConfig', 'If-Match')['in'], 'header');
    assert.equal(parameter('updatePluginConfig', 'validate_only')['in'], 'query');
    assert.equal(parameter('watchEvents', 'Last-Event-ID')['in'], 'header');
    const names = operation('updatePluginConfig').parameters?.map((one) => one['name']);
    assert.ok(names?.includes('config') === false, 'the body is not in the query as well');
    const restart = operation('restartProcess');
    assert.deepEqual(
      restart.parameters?.map((one) => one['name']),
      ['id'],
      'all else is the body',
    );
    const { properties } = (restart.requestBody?.['content'] as Record<string, { schema: Json }>)['application/json']?.schema as Json;
    assert.deepEqual(Object.keys(properties as Json), ['request_id', 'force'], 'what the path says is not in the body');
  });

  it('takes the rules of the protos over', () => {
    const type = schemaOf('EventInput', 'type');
    assert.deepEqual([type['minLength'], type['maxLength'], typeof type['pattern']], [1, 128, 'string']);
    assert.deepEqual(components['schemas']?.['EventInput']?.['required'], ['type']);
    assert.equal(components['schemas']?.['EventInput']?.['additionalProperties'], false);
    const priority = schemaOf('EventInput', 'priority');
    assert.deepEqual([priority['minimum'], priority['maximum']], [0, 100]);
    const attributes = schemaOf('EventInput', 'attributes');
    assert.deepEqual(attributes['propertyNames'], { maxLength: 128 });
    assert.deepEqual(attributes['additionalProperties'], { type: 'string', maxLength: 4096 });
    assert.match(String(schemaOf('EventInput', 'subject')['description']), /At most 1024 bytes/);
    const events = schemaOf('BatchCreateEventsRequest', 'events');
    assert.deepEqual([events['minItems'], events['maxItems']], [1, 1000]);
    const order = parameter('listEvents', 'order_by')['schema'] as Json;
    assert.deepEqual(order['enum'], ['', 'revision', 'revision asc', 'revision desc']);
    assert.equal(schemaOf('StartProcessRequest', 'id')['pattern'], '^[a-z0-9][a-z0-9._-]{0,62}$');
  });

  it('a rule that it cannot say ends the generation', () => {
    const desc = message('EventFilter');
    const field = desc.fields.find(({ name }) => name === 'text');
    assert.ok(field !== undefined);
    const options = create(FieldOptionsSchema);
    setExtension(options, rulesOf, create(FieldRulesSchema, { type: { case: 'string', value: { suffix: 'x' } } }));
    const strange = { ...field, proto: { ...field.proto, options } } as typeof field;
    assert.throws(() => createSchemas().field(strange, 'request'), /string\.suffix has no translation/);
  });

  it('answers have what is always there as required, and 64 bits as texts', () => {
    const required = components['schemas']?.['Process']?.['required'] as string[];
    for (const name of ['id', 'pid', 'ready', 'command', 'state']) assert.ok(required.includes(name), name);
    for (const name of ['start_time', 'exit', 'resources']) assert.ok(!required.includes(name), name);
    assert.ok(!(components['schemas']?.['ProcessExit']?.['required'] as string[]).includes('code'), 'an optional scalar may be absent');
    assert.equal(schemaOf('Event', 'revision')['type'], 'string');
    assert.equal(components['schemas']?.['Process']?.['additionalProperties'], undefined, 'clients bear with new fields');
  });

  it('has streams in both forms, each status of a write, and documents as the text that they are', () => {
    const stream = operation('watchEvents').responses['200']?.['content'] as Record<string, Json>;
    assert.deepEqual(Object.keys(stream), ['text/event-stream', 'application/x-ndjson']);
    assert.deepEqual(stream['application/x-ndjson']?.['x-item-schema'], { $ref: '#/components/schemas/WatchEventsResponse' });
    assert.deepEqual(Object.keys(operation('createEvent').responses).slice(0, 2), ['200', '201']);
    assert.ok(Object.keys(operation('getHealth').responses).includes('503'));
    const config = operation('updateConfig').requestBody?.['content'] as Json;
    assert.ok('application/yaml' in config && 'application/json' in config);
    assert.ok('application/yaml' in (operation('getConfig').responses['200']?.['content'] as Json));
  });

  it('names the reasons of each status', () => {
    const reasons = (id: string, status: string): string[] => resolve(operation(id).responses[status] ?? {})['x-error-reasons'] as string[];
    assert.ok(reasons('startProcess', '409').includes('PROCESS_ALREADY_RUNNING'));
    assert.ok(reasons('startProcess', '409').includes('REQUEST_ID_REUSED'));
    assert.deepEqual(reasons('getProcess', '404'), ['PROCESS_NOT_FOUND']);
    assert.ok(reasons('applyProcessConfig', '409').includes('ETAG_STALE'));
    assert.equal(operation('getHealth').responses['401'], undefined, 'nobody needs a token for the status word');
    assert.equal(operation('listProcesses').responses['415'], undefined, 'without a body there is no media type');
  });

  it('is clean by the linter', () => {
    const redocly = join(root, 'node_modules/.bin/redocly');
    execFileSync(redocly, ['lint', '--format=stylish', 'gen/openapi/openapi.json'], {
      cwd: root,
      env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
      stdio: 'pipe',
    });
  });
});
