/** The REST API as one OpenAPI 3.1 document, made of the descriptors, the table of methods and the catalogue of errors. */
import { createFileRegistry, type DescService, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { rpcMethods } from '../../src/api/methods.ts';
import { type Route, routesOf } from '../../src/api/protocols/rest/route.ts';
import type { Run } from '../../src/api/seam.ts';
import type { ErrorReason } from '../../src/kernel/catalogue.ts';
import { scopes } from '../../src/kernel/principal.ts';
import { commentOf } from './comments.ts';
import type { Json } from './constraints.ts';
import { operationOf, type Tools } from './operations.ts';
import { plainPaths } from './plain-routes.ts';
import { errorExamples, errorSchemas } from './responses.ts';
import { createSchemas } from './schemas.ts';

/** Nobody runs what is only described. */
const described: Run = { kind: 'unary', unary: () => Promise.reject(new Error('this method is only described')) };

function servicesOf(image: Uint8Array): DescService[] {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
  return [...registry]
    .filter((desc) => desc.kind === 'service')
    .filter(({ typeName }) => typeName.startsWith('sboxagent.v1.'))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function routesOfAll(services: readonly DescService[]): Route[][] {
  const methods = rpcMethods(services.map((service) => ({ service, implementation: {} })));
  return methods.map((method) => routesOf({ ...method, run: described })).filter((routes) => routes.length > 0);
}

/** `{name=shelves/*}` is `{name}` here. */
function pathOf({ template }: Route): string {
  return template.replaceAll(/\{([\w.]+)=[^}]*\}/g, '{$1}');
}

const guide = `Everything that the agent does, by HTTP and JSON. The same calls are served as gRPC, gRPC-Web and Connect on the same port (\`x-grpc-method\`).

**Who may.** Send \`Authorization: Bearer TOKEN\`; \`sboxagent token create\` makes one. A token has scopes (${scopes.map((scope) => `\`${scope}\``).join(', ')}), each operation names the one that it needs (\`x-required-scope\`), and \`admin\` may all. On the unix socket no token is needed.

**Names and values.** Fields are named as here (camelCase is taken too); one that is not known is an error, in the query as well. Answers always have numbers, texts, lists and flags; messages and moments that are absent are left out. Moments are RFC 3339; durations are seconds (\`1.5s\`), in the query also \`1m30s\`; whole numbers of 64 bits are texts.

**Lists** have \`page_size\`, \`page_token\` and \`next_page_token\`, which is empty on the last page.

**Writes.** The same \`request_id\` with the same request gets the same answer for 24 h. \`validate_only\` judges and changes nothing. \`If-Match\` takes the \`ETag\` of what was read, so that nobody's change is overwritten.

**Errors** have a reason of one catalogue; every answer has \`x-trace-id\`, by which the agent's log and traces are found. HEAD is served wherever GET is.`;

function headers(): Json {
  const text = (description: string): Json => ({ description, schema: { type: 'string' } });
  return {
    TraceId: { description: 'The trace of this call.', schema: { type: 'string', pattern: '^[0-9a-f]{32}$' } },
    ETag: text('What this version is called; `If-Match` takes it.'),
    Location: text('The path of what was made.'),
    RetryAfter: {
      description: 'Seconds after which another try may succeed, where waiting helps.',
      schema: { type: 'string', pattern: '^[0-9]+$' },
    },
    WwwAuthenticate: { description: 'How to say who calls.', schema: { type: 'string', const: 'Bearer' } },
  };
}

function tagsOf(services: readonly DescService[], used: ReadonlySet<string>): Json[] {
  const named = services.filter(({ name }) => used.has(name)).map((service) => ({ name: service.name, description: commentOf(service) }));
  return [
    ...named,
    { name: 'Plain', description: 'What is no method of a service: metrics for Prometheus, and the documents of the API.' },
  ];
}

/** What the document says beside its JSON, for tests. */
export interface OpenApi {
  readonly document: Json;
  /** Reasons that an operation names. */
  readonly reasons: ReadonlySet<ErrorReason>;
}

/** `image` is what `buf build` writes, with the comments. Throws where something has no place in it yet. */
export function openApi(image: Uint8Array, version: string): OpenApi {
  const services = servicesOf(image);
  const tools: Tools = { schemas: createSchemas(), responses: new Map(), reasons: new Set() };
  const paths: Record<string, Json> = {};
  const used = new Set<string>();
  for (const routes of routesOfAll(services)) {
    for (const [index, route] of routes.entries()) {
      const path = pathOf(route);
      used.add(route.method.desc.parent.name);
      paths[path] = { ...paths[path], [route.httpMethod.toLowerCase()]: operationOf(route, index, tools) };
    }
  }
  Object.assign(paths, plainPaths(tools));
  const schemas = { ...tools.schemas.components, ...errorSchemas() };
  return {
    reasons: tools.reasons,
    document: {
      openapi: '3.1.1',
      info: {
        title: 'sboxagent',
        version,
        summary: 'The agent beside proxy engines: processes, their configs, events, logs, plugins, alerts and metrics.',
        description: guide,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'The agent that serves this document.' }],
      security: [{ bearer: [] }],
      tags: tagsOf(services, used),
      paths,
      components: {
        schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
        responses: Object.fromEntries([...tools.responses].sort(([a], [b]) => (a < b ? -1 : 1))),
        examples: errorExamples(tools.reasons),
        headers: headers(),
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description: 'A token of the agent: `sboxagent token create`, or `admin.token` in its state directory.',
          },
        },
      },
    },
  };
}
