/** What a call may be answered with: its success, and every error by status, with the reasons of the catalogue behind it. */
import type { DescMethod } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { httpStatusOf } from '../../src/api/errors/codes.ts';
import { toRestBody } from '../../src/api/protocols/rest/error.ts';
import type { RpcMethod } from '../../src/api/seam.ts';
import { type CatalogueEntry, catalogue, type ErrorReason } from '../../src/kernel/catalogue.ts';
import { AgentError } from '../../src/kernel/errors.ts';
import type { Json } from './constraints.ts';
import { methodErrors } from './errors.ts';

/** What of a request decides which errors may come before its method. */
export interface Asked {
  readonly scope: string | undefined;
  readonly rateLimited: boolean;
  readonly stream: boolean;
  readonly hasBody: boolean;
}

/** Errors of the gate and of reading a request. */
export function commonErrors({ scope, rateLimited, stream, hasBody }: Asked): ErrorReason[] {
  return [
    ...(scope === undefined ? [] : (['TOKEN_MISSING', 'TOKEN_INVALID', 'TOKEN_EXPIRED', 'TOKEN_REVOKED', 'SCOPE_MISSING'] as const)),
    ...(['ORIGIN_NOT_ALLOWED', 'CROSS_SITE_REQUEST', 'HOST_NOT_ALLOWED'] as const),
    ...(rateLimited ? (['RATE_LIMITED'] as const) : []),
    // A stream may also end so, which its last frame says.
    ...(stream ? (['STREAM_LIMIT_REACHED', 'STREAMS_DISABLED', 'WATCHER_TOO_SLOW'] as const) : (['UNARY_LIMIT_REACHED'] as const)),
    ...(hasBody ? (['MALFORMED_BODY', 'JSON_TOO_DEEP', 'MEDIA_TYPE_UNSUPPORTED', 'MESSAGE_TOO_LARGE', 'BODY_TIMEOUT'] as const) : []),
    ...(['SHUTTING_DOWN', 'INTERNAL'] as const),
  ];
}

function asksOnce({ input, idempotency }: DescMethod): boolean {
  return idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS && input.fields.some(({ name }) => name === 'request_id');
}

/** Every reason that a method may answer with by REST. Throws for a method without a row in errors.ts. */
export function reasonsOf(method: RpcMethod, hasBody: boolean): ErrorReason[] {
  const name = `${method.desc.parent.name}.${method.desc.name}`;
  const own = methodErrors[name];
  if (own === undefined) throw new Error(`${name} has no row in proto/openapi/errors.ts: say which errors it may answer with`);
  return [
    ...new Set([
      'INVALID_REQUEST' as const,
      ...commonErrors({ ...method, hasBody }),
      ...own,
      ...(method.audit.kind === 'changes' ? (['AUDIT_UNAVAILABLE'] as const) : []),
      ...(asksOnce(method.desc) ? (['REQUEST_ID_REUSED', 'JOURNAL_UNAVAILABLE', 'INGEST_OVERLOADED', 'JOURNAL_FULL'] as const) : []),
    ]),
  ];
}

export function statusOf(reason: ErrorReason): number {
  return httpStatusOf(new AgentError(reason, ''));
}

/** By status, in order. */
function grouped(reasons: readonly ErrorReason[]): [status: number, reasons: ErrorReason[]][] {
  const groups = Map.groupBy(reasons, statusOf);
  return [...groups].sort(([a], [b]) => a - b);
}

const traceHeader = { 'x-trace-id': { $ref: '#/components/headers/TraceId' } };

/** Headers that go with a status, whatever the call. */
export function headersOf(status: number): Json {
  return {
    ...traceHeader,
    ...(status === 401 ? { 'WWW-Authenticate': { $ref: '#/components/headers/WwwAuthenticate' } } : {}),
    ...(status === 429 || status === 503 ? { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } } : {}),
  };
}

function errorResponse(status: number, reasons: readonly ErrorReason[]): Json {
  const told = reasons.map((reason) => `- \`${reason}\`: ${catalogue[reason].remedy}`);
  return {
    description: `Refused, for one of these reasons:\n\n${told.join('\n')}`,
    headers: headersOf(status),
    'x-error-reasons': reasons,
    content: {
      'application/json': {
        schema: { $ref: '#/components/schemas/Error' },
        examples: Object.fromEntries(reasons.map((reason) => [reason, { $ref: `#/components/examples/${reason}` }])),
      },
    },
  };
}

/** Reasons of the gate and of the way in: their responses are the same for many operations. */
const common: ReadonlySet<ErrorReason> = new Set([
  'INVALID_REQUEST',
  ...[true, false].flatMap((stream) => commonErrors({ scope: 'read', rateLimited: true, stream, hasBody: true })),
]);

/** Said by the listener, whatever the call: path, query and headers have 16 KiB. */
const headersTooLarge: [status: number, reasons: ErrorReason[]] = [431, ['MALFORMED_BODY']];

/** Responses of these reasons, by status; those of the gate alone become components in `shared`. */
export function errorResponses(reasons: readonly ErrorReason[], shared: Map<string, Json>): Json {
  return Object.fromEntries(
    [...grouped(reasons), headersTooLarge].map(([status, list]) => {
      const sorted = [...list].sort();
      const response = errorResponse(status, sorted);
      const name = sorted.every((reason) => common.has(reason)) ? sharedName(status, response, shared) : undefined;
      return [String(status), name === undefined ? response : { $ref: `#/components/responses/${name}` }];
    }),
  );
}

function sharedName(status: number, response: Json, shared: Map<string, Json>): string {
  const text = JSON.stringify(response);
  const same = [...shared].filter(([name]) => name.startsWith(`Error${status}`));
  const known = same.find(([, other]) => JSON.stringify(other) === text)?.[0];
  const name = known ?? `Error${status}${same.length === 0 ? '' : `_${same.length + 1}`}`;
  shared.set(name, response);
  return name;
}

/** What is the same in all examples of errors. */
const metadata: Readonly<Partial<Record<ErrorReason, Readonly<Record<string, string>>>>> = {
  SCOPE_MISSING: { scope: 'operate' },
  PROCESS_NOT_FOUND: { process_id: 'edge' },
  PLUGIN_NOT_FOUND: { plugin_id: 'geo-updater' },
  REVISION_COMPACTED: { first_revision: '1042' },
};

/** An error of every reason, as REST says it. */
export function errorExamples(reasons: ReadonlySet<ErrorReason>): Json {
  return Object.fromEntries(
    [...reasons].sort().map((reason) => {
      const entry: CatalogueEntry = catalogue[reason];
      const waits = ['resource_exhausted', 'unavailable'].includes(entry.code) && statusOf(reason) !== 413;
      const violations =
        entry.code === 'invalid_argument' ? [{ field: 'page_size', message: 'must be at least 0', rule: 'int32.gte' }] : [];
      const error = new AgentError(reason, `what happened, to which id`, {
        metadata: metadata[reason] ?? {},
        violations: reason === 'INVALID_REQUEST' ? violations : [],
        ...(waits ? { retryAfterMs: 1000 } : {}),
      });
      return [reason, { summary: entry.remedy, value: toRestBody(error) }];
    }),
  );
}

/** The schemas of errors, which no proto of the API has in this form. */
export function errorSchemas(): Json {
  const detail = (name: string, properties: Json): Json => ({
    type: 'object',
    required: ['@type', ...Object.keys(properties)],
    properties: { '@type': { type: 'string', const: `type.googleapis.com/${name}` }, ...properties },
  });
  const violation = {
    type: 'object',
    required: ['field', 'description', 'reason'],
    properties: {
      field: { type: 'string', description: 'The path of the field as the caller wrote it.' },
      description: { type: 'string', description: 'What is wrong with it.' },
      reason: { type: 'string', description: 'The rule that it breaks.' },
    },
  };
  const codes = [...new Set(Object.values(catalogue).map(({ code }) => code))].sort();
  const info = detail('google.rpc.ErrorInfo', {
    reason: { type: 'string', enum: Object.keys(catalogue).sort(), description: 'What went wrong, of the one catalogue.' },
    domain: { type: 'string', const: 'sboxagent' },
    metadata: { type: 'object', additionalProperties: { type: 'string' }, description: 'To which ids it happened, and the like.' },
  });
  const details = ['ErrorInfo', 'BadRequest', 'RetryInfo', 'ErrorApply'].map((name) => ({ $ref: `#/components/schemas/${name}` }));
  return {
    Error: {
      type: 'object',
      description: 'An error. Its HTTP status follows from its reason; `details` always begins with an ErrorInfo.',
      required: ['code', 'message', 'details'],
      properties: {
        code: { type: 'string', enum: codes, description: 'The canonical code, as gRPC names it.' },
        message: { type: 'string', description: 'What happened and to which id, at most 1 KiB.' },
        details: { type: 'array', minItems: 1, items: { anyOf: details } },
      },
    },
    ErrorInfo: { ...info, description: 'Why, for programs.' },
    BadRequest: {
      ...detail('google.rpc.BadRequest', { field_violations: { type: 'array', items: violation } }),
      description: 'What is wrong with the request, field by field.',
    },
    RetryInfo: {
      ...detail('google.rpc.RetryInfo', { retry_delay: { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?s$' } }),
      description: 'After which time another try may succeed.',
    },
    ErrorApply: {
      description: 'The apply that did not hold, without its diff.',
      allOf: [
        {
          type: 'object',
          required: ['@type'],
          properties: { '@type': { type: 'string', const: 'type.googleapis.com/sboxagent.v1.Apply' } },
        },
        { $ref: '#/components/schemas/Apply' },
      ],
    },
  };
}
