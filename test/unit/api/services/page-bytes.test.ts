/** Whatever its items weigh, no page of a list is larger than what clients of gRPC take, and a walk over the pages misses nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type DescMessage } from '@bufbuild/protobuf';
import { ListAlertsRequestSchema, ListAlertsResponseSchema } from '../../../../gen/es/sboxagent/v1/alert_service_pb.js';
import { ListAuditEntriesRequestSchema, ListAuditEntriesResponseSchema } from '../../../../gen/es/sboxagent/v1/audit_service_pb.js';
import { ListConfigRevisionsRequestSchema, ListConfigRevisionsResponseSchema } from '../../../../gen/es/sboxagent/v1/config_service_pb.js';
import { ListPluginsRequestSchema, ListPluginsResponseSchema } from '../../../../gen/es/sboxagent/v1/plugin_service_pb.js';
import {
  ListProcessConfigRevisionsRequestSchema,
  ListProcessConfigRevisionsResponseSchema,
  ListProcessesRequestSchema,
  ListProcessesResponseSchema,
} from '../../../../gen/es/sboxagent/v1/process_service_pb.js';
import type { AlertView } from '../../../../src/alerts/types.ts';
import { encodeMessage } from '../../../../src/api/codec/binary.ts';
import { alertService } from '../../../../src/api/services/alert-service.ts';
import { auditService } from '../../../../src/api/services/audit-service.ts';
import { configService } from '../../../../src/api/services/config-service.ts';
import { pluginService } from '../../../../src/api/services/plugin-service.ts';
import { processService } from '../../../../src/api/services/process-service.ts';
import type { AuditEntry, AuditListOptions } from '../../../../src/audit/types.ts';
import type { PluginView } from '../../../../src/plugins/types.ts';
import type { ProcessView } from '../../../../src/processes/types.ts';

const mib = 1 << 20;
const count = 300;
const numbers = Array.from({ length: count }, (_, n) => n);
const id = (n: number): string => `i${String(n).padStart(4, '0')}`;
/** Two bytes a character on the wire. */
const fat = 'é'.repeat(8000);
const fatLabels = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`k${n}`, 'é'.repeat(512)]));
const listeners = { onChange: () => () => {} };

const plugin = (n: number): PluginView => ({
  ...{ id: id(n), name: '', kind: 'LIBRARY', version: '', state: 'ACTIVE', reason: '', message: '', enabled: true, labels: fatLabels },
  health: { status: 'HEALTHY', message: '', checkTimeMs: 1, consecutiveFailures: 0, data: { text: fat } },
  calls: { count: 0, errors: 0, p95Ms: 0 },
  recovery: { attempts: 0, budget: 0, lastAction: '', nextTimeMs: undefined },
  ...{ configRevision: 0, appliedConfigRevision: 0, processId: '', etag: '', lost: false, traceId: '' },
  ...{ lastSeenMs: undefined, leaseExpireTimeMs: undefined, cadenceMs: undefined },
});
const alert = (n: number): AlertView => ({
  ...{ id: id(n), rule: 'r', state: 'FIRING', severity: 'ERROR', subject: id(n), summary: 'x', labels: fatLabels },
  ...{ startTimeMs: count - n, endTimeMs: undefined, acknowledged: undefined, value: 1, threshold: 1, traceId: '' },
});
const unit = (n: number): ProcessView =>
  ({
    ...{
      id: id(n),
      engine: '',
      command: ['run', fat],
      configPath: '',
      configRevision: 0,
      inline: false,
      desired: 'DOWN',
      state: 'STOPPED',
    },
    ...{ pid: 0, restartCount: 0, reason: '', message: '', dependsOn: [], etag: '' },
  }) as unknown as ProcessView;
const entry = (n: number): AuditEntry => ({
  ...{ sequence: count - n, timeMs: 1, principal: 'p', via: 'grpc', peer: '', method: 'm', target: id(n), traceId: '', code: 'OK' },
  ...{ reason: '', hash: '', changes: Array.from({ length: 64 }, () => 'é'.repeat(256)) },
});
const revisions = async ({ limit, before = count + 1 }: { readonly limit: number; readonly before?: number | undefined }) =>
  numbers
    .map((n) => ({ revision: count - n, etag: id(n), author: 'a', reason: '', timeMs: 1 }))
    .filter(({ revision }) => revision < before)
    .slice(0, limit);
const entries = ({ pageSize, cursor = count + 1 }: AuditListOptions) => {
  const rest = numbers.map(entry).filter(({ sequence }) => sequence < cursor);
  const page = rest.slice(0, pageSize);
  return Promise.resolve({ entries: page, nextCursor: page.length < rest.length ? page.at(-1)?.sequence : undefined });
};

const plugins = pluginService({ plugins: { list: () => numbers.map(plugin), ...listeners } } as never);
const alerts = alertService({ alerts: { list: () => numbers.map(alert), ...listeners } } as never);
const audit = auditService({ audit: { list: entries } } as never);
const supervisor = { list: () => numbers.map(unit), ...listeners };
const configs = {
  revisions: async (_id: string, asked: Parameters<typeof revisions>[0]) =>
    (await revisions(asked)).map((one) => ({ ...one, result: 'APPLIED', diff: fat })),
};
const processes = processService({ supervisor, configs } as never);
const change = { path: 'a', oldValue: fat, newValue: fat, effect: 'APPLIED' };
const config = configService({
  config: {
    revisions: async (asked: Parameters<typeof revisions>[0]) => (await revisions(asked)).map((one) => ({ ...one, changes: [change] })),
  },
} as never);

type List = (request: never, context: never) => unknown;
const lists: readonly (readonly [string, List, { request: DescMessage; answer: DescMessage; key: string }])[] = [
  ['ListPlugins', plugins.listPlugins as List, { request: ListPluginsRequestSchema, answer: ListPluginsResponseSchema, key: 'id' }],
  ['ListAlerts', alerts.listAlerts as List, { request: ListAlertsRequestSchema, answer: ListAlertsResponseSchema, key: 'id' }],
  [
    'ListProcesses',
    processes.listProcesses as List,
    { request: ListProcessesRequestSchema, answer: ListProcessesResponseSchema, key: 'id' },
  ],
  [
    'ListAuditEntries',
    audit.listAuditEntries as List,
    { request: ListAuditEntriesRequestSchema, answer: ListAuditEntriesResponseSchema, key: 'target' },
  ],
  [
    'ListConfigRevisions',
    config.listConfigRevisions as List,
    { request: ListConfigRevisionsRequestSchema, answer: ListConfigRevisionsResponseSchema, key: 'etag' },
  ],
  [
    'ListProcessConfigRevisions',
    processes.listProcessConfigRevisions as List,
    { request: ListProcessConfigRevisionsRequestSchema, answer: ListProcessConfigRevisionsResponseSchema, key: 'etag' },
  ],
];

for (const [name, list, { request, answer, key }] of lists) {
  test(`${name}: a page ends at 1 MiB, and the next one goes on`, async () => {
    const seen: string[] = [];
    let pages = 0;
    for (let pageToken = ''; pages === 0 || pageToken !== ''; pages += 1) {
      const page = (await list(create(request, { pageSize: 1000, pageToken } as never) as never, undefined as never)) as Record<
        string,
        unknown
      >;
      assert.ok(encodeMessage(answer, page).length <= mib, `page ${pages}`);
      const items = Object.values(page).find(Array.isArray) as readonly Record<string, string>[];
      seen.push(...items.map((item) => item[key] ?? ''));
      pageToken = String(page['nextPageToken']);
    }
    assert.deepEqual(seen, numbers.map(id));
    assert.ok(pages > 4, `${pages} pages`);
  });
}
