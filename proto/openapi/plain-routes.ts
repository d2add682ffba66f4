/** Routes that are no methods of a service: the Prometheus text, and the documents of the API. */
import type { ErrorReason } from '../../src/kernel/catalogue.ts';
import type { Json } from './constraints.ts';
import { securityOf, type Tools } from './operations.ts';
import { commonErrors, errorResponses, headersOf } from './responses.ts';

interface Plain {
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly scope: string | undefined;
  readonly rateLimited: boolean;
  readonly content: Json;
  /** Whether it has an etag, and is answered 304 to who knows it. */
  readonly cached: boolean;
}

const prometheus = {
  summary: 'All metrics as Prometheus reads them',
  description:
    'The Prometheus text, or OpenMetrics 1.0 with exemplars by `Accept`. No token is needed with `api.metrics.public: true`; absent with `api.metrics.enabled: false`. Does not count against the rate limit.',
  ...{ scope: 'read', rateLimited: false, cached: false },
  content: {
    'text/plain': { schema: { type: 'string' }, example: '# TYPE sboxagent_up_seconds gauge\nsboxagent_up_seconds 12.5\n' },
    'application/openmetrics-text': {
      schema: { type: 'string' },
      example: '# TYPE sboxagent_up_seconds gauge\nsboxagent_up_seconds 12.5\n# EOF\n',
    },
  },
};

const document = {
  summary: 'This document',
  description: 'The REST API as OpenAPI 3.1.',
  ...{ scope: 'read', rateLimited: true, cached: true },
  content: { 'application/json': { schema: { type: 'object' } } },
};

const routes: readonly Plain[] = [
  { path: '/api/v1/metrics/prometheus', operationId: 'getPrometheusMetrics', ...prometheus },
  {
    path: '/metrics',
    operationId: 'getPrometheusMetricsAtRoot',
    ...prometheus,
    summary: `${prometheus.summary}, under the path of api.metrics.prometheus_endpoint`,
  },
  { path: '/openapi.json', operationId: 'getOpenApi', ...document },
  {
    path: '/api/v1/openapi.json',
    operationId: 'getOpenApiBelowApi',
    ...document,
    summary: `${document.summary}, beside what it describes`,
  },
  {
    path: '/',
    operationId: 'getConsolePage',
    summary: 'The console',
    description:
      'A page that shows what the agent does. The page is public; what it shows wants a token. Absent with `api.console.enabled: false`.',
    ...{ scope: undefined, rateLimited: true, cached: true },
    content: { 'text/html': { schema: { type: 'string' } } },
  },
  {
    path: '/docs',
    operationId: 'getReferencePage',
    summary: 'The reference page',
    description: 'A page of this document to read and to try. The page is public; the document that it shows wants a token.',
    ...{ scope: undefined, rateLimited: true, cached: true },
    content: { 'text/html': { schema: { type: 'string' } } },
  },
];

function responsesOf({ scope, rateLimited, cached, content }: Plain, tools: Tools): Json {
  const reasons: ErrorReason[] = commonErrors({ scope, rateLimited, stream: false, hasBody: false });
  for (const reason of reasons) tools.reasons.add(reason);
  const headers = { ...headersOf(200), ...(cached ? { ETag: { $ref: '#/components/headers/ETag' } } : {}) };
  return {
    '200': { description: 'As it stands now.', headers, content },
    ...(cached ? { '304': { description: 'It is what `If-None-Match` names.', headers } } : {}),
    ...errorResponses(reasons, tools.responses),
  };
}

export function plainPaths(tools: Tools): Record<string, Json> {
  return Object.fromEntries(
    routes.map((route) => {
      const { path, operationId, summary, description, scope } = route;
      const operation = { operationId, tags: ['Plain'], summary, description, ...securityOf(scope), responses: responsesOf(route, tools) };
      return [path, { get: operation }];
    }),
  );
}
