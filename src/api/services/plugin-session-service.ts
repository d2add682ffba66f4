/** PluginSessionService: what plugins themselves call. */
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  type PluginSessionService,
  type RecordMetricsRequest_Point,
  RecordMetricsRequest_Point_Kind,
} from '../../../gen/es/sboxagent/v1/plugin_session_service_pb.js';
import { AgentError } from '../../kernel/errors.ts';
import type { PluginDocument, Plugins } from '../../plugins/types.ts';
import type { CustomMetrics, CustomPoint } from '../../telemetry/types.ts';
import { callSignal, endingOf } from '../calls.ts';
import { dataOf, documentMessage, healthWord, pluginMessage, registrationOf } from '../convert/plugin.ts';
import { fromMs } from '../convert/time.ts';

export interface PluginSessionServiceDeps {
  readonly plugins: Plugins;
  readonly custom: CustomMetrics;
  readonly limits: () => { readonly maxDepth: number };
}

const pointKinds: Readonly<Record<number, CustomPoint['kind']>> = {
  [RecordMetricsRequest_Point_Kind.COUNTER]: 'COUNTER',
  [RecordMetricsRequest_Point_Kind.GAUGE]: 'GAUGE',
  [RecordMetricsRequest_Point_Kind.HISTOGRAM]: 'HISTOGRAM',
};

function pointOf({ name, kind, value, labels, unit }: RecordMetricsRequest_Point): CustomPoint | undefined {
  const known = pointKinds[kind];
  return known === undefined ? undefined : { name, kind: known, value, labels, unit };
}

export function pluginSessionService({ plugins, custom, limits }: PluginSessionServiceDeps): ServiceImpl<typeof PluginSessionService> {
  const { documents } = plugins;
  /** Throws unless the session is the plugin's present one. */
  const inSession = (id: string, sessionId: string): void => plugins.followSession(id, sessionId, () => {})();

  return {
    async registerPlugin(request) {
      const { plugin, sessionId, leaseMs } = await plugins.register(registrationOf(request, limits().maxDepth));
      return {
        plugin: pluginMessage(plugin),
        sessionId,
        ...(leaseMs !== undefined && { lease: durationFromMs(leaseMs) }),
        config: documentMessage(documents.unmasked(plugin.id)),
      };
    },

    renewPluginLease: async ({ pluginId, sessionId }) => ({ leaseExpireTime: fromMs(plugins.renew(pluginId, sessionId)) }),

    async reportPluginHealth({ pluginId, sessionId, status, message, data }) {
      const report = { status: healthWord(status), message, data: dataOf(data, 'data', limits().maxDepth) };
      return pluginMessage(plugins.report(pluginId, sessionId, report));
    },

    async *watchPluginConfig({ pluginId, sessionId }, context) {
      const ended = new AbortController();
      const signal = AbortSignal.any([callSignal(context), ended.signal]);
      const unfollow = plugins.followSession(pluginId, sessionId, () => ended.abort());
      let wake = (): void => {};
      let changed = true;
      const stop = documents.onChange((id) => {
        if (id !== pluginId) return;
        changed = true;
        wake();
      });
      signal.addEventListener('abort', () => wake(), { once: true });
      let told: PluginDocument | undefined;
      try {
        while (!signal.aborted) {
          if (!changed) await new Promise<void>((resolve) => (wake = resolve));
          changed = false;
          const document = documents.unmasked(pluginId);
          // What the plugin answered is no news to it; a document that is handed out again is. The first goes out also when it is empty.
          const news = told === undefined || told.revision !== document.revision || document.applyState === 'PENDING';
          if (!news || signal.aborted) continue;
          told = document;
          yield documentMessage(document);
        }
      } finally {
        stop();
        unfollow();
      }
      const ending = endingOf(callSignal(context));
      if (ending !== undefined) throw ending;
      if (ended.signal.aborted) throw new AgentError('PLUGIN_SESSION_ENDED', `this session of ${pluginId} has ended; register again`);
    },

    async ackPluginConfig({ pluginId, sessionId, revision, applied, message }) {
      inSession(pluginId, sessionId);
      return documentMessage(await documents.acknowledge(pluginId, { revision, applied, message }));
    },

    endPluginSession: async ({ pluginId, sessionId }) => pluginMessage(await plugins.endSession(pluginId, sessionId)),

    async recordMetrics({ pluginId, sessionId, points }) {
      if (sessionId !== '') inSession(pluginId, sessionId);
      else plugins.get(pluginId);
      const known = points.map(pointOf);
      const good = known.flatMap((point, index) => (point === undefined ? [] : [{ point, index }]));
      const verdicts = custom.record(
        good.map(({ point }) => point),
        { plugin: pluginId },
      );
      const refused = good.flatMap(({ index }, i) => {
        const verdict = verdicts[i];
        return verdict === undefined ? [] : [{ index, reason: verdict.reason, message: verdict.message }];
      });
      const nameless = known.flatMap((point, index) =>
        point === undefined ? [{ index, reason: 'KIND_CHANGED', message: 'a point needs a kind: COUNTER, GAUGE or HISTOGRAM' }] : [],
      );
      const rejected = [...refused, ...nameless].sort((a, b) => a.index - b.index);
      return { accepted: points.length - rejected.length, rejected };
    },
  };
}
