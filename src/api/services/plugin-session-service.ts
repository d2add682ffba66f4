/** PluginSessionService: what plugins themselves call. */
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import {
  type PluginSessionService,
  type RecordMetricsRequest_Point,
  RecordMetricsRequest_Point_Kind,
} from '../../../gen/es/sboxagent/v1/plugin_session_service_pb.js';
import { AgentError } from '../../kernel/errors.ts';
import { type Feed, type FeedReader, feedMapping, mapFeed } from '../../kernel/feed.ts';
import { newestFeed } from '../../kernel/state-feed.ts';
import type { Plugins, SessionRef } from '../../plugins/types.ts';
import type { CustomMetrics, CustomPoint } from '../../telemetry/types.ts';
import { callOf } from '../calls.ts';
import { documentMessage, healthDataOf, healthWord, pluginMessage, registrationOf } from '../convert/plugin.ts';
import { fromMs } from '../convert/time.ts';
import { fedStream } from './fed-stream.ts';

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

const messages = feedMapping(documentMessage);

/** A feed that ends with the session it belongs to. `follow` throws where there is no such session. */
function whileSession<V>(feed: Feed<V>, follow: (end: (reason: AgentError) => void) => () => void): Feed<V> {
  return {
    join(codec, sink) {
      let reader: FeedReader | undefined;
      const unfollow = follow((reason) => {
        reader?.leave();
        sink.end(reason);
      });
      const joined = feed.join(codec, sink);
      reader = joined;
      const leave = (): void => {
        unfollow();
        joined.leave();
      };
      return { resume: joined.resume, finish: leave, leave };
    },
  };
}

export function pluginSessionService({ plugins, custom, limits }: PluginSessionServiceDeps): ServiceImpl<typeof PluginSessionService> {
  const { documents } = plugins;
  const refOf = ({ pluginId, sessionId }: { pluginId: string; sessionId: string }, context: HandlerContext): SessionRef => ({
    id: pluginId,
    sessionId,
    caller: callOf(context).principal,
  });
  /** Throws unless the session is the plugin's present one, and the caller's. */
  const inSession = (ref: SessionRef): void => plugins.followSession(ref, () => {})();

  return {
    async registerPlugin(request, context) {
      const { plugin, sessionId, leaseMs } = await plugins.register(registrationOf(request, limits().maxDepth), callOf(context).principal);
      return {
        plugin: pluginMessage(plugin),
        sessionId,
        ...(leaseMs !== undefined && { lease: durationFromMs(leaseMs) }),
        config: documentMessage(documents.unmasked(plugin.id)),
      };
    },

    renewPluginLease: async (request, context) => ({ leaseExpireTime: fromMs(plugins.renew(refOf(request, context))) }),

    async reportPluginHealth(request, context) {
      const { status, message, data } = request;
      const report = { status: healthWord(status), message, data: healthDataOf(data, limits().maxDepth) };
      return pluginMessage(await plugins.report(refOf(request, context), report));
    },

    watchPluginConfig(request, context) {
      const { pluginId } = request;
      const newest = newestFeed(
        () => documents.unmasked(pluginId),
        (fn) => documents.onChange((id) => id === pluginId && fn()),
        // What the plugin answered is no news to it; a document that is handed out again is. The first goes out also when it is empty.
        (document, sent) => sent.revision !== document.revision || document.applyState === 'PENDING',
      );
      const ref = refOf(request, context);
      const ended = (): AgentError => new AgentError('PLUGIN_SESSION_ENDED', `this session of ${pluginId} has ended; register again`);
      const feed = whileSession(newest, (end) => plugins.followSession(ref, () => end(ended())));
      return fedStream(mapFeed(feed, messages), context);
    },

    async ackPluginConfig(request, context) {
      const { pluginId, revision, applied, message } = request;
      inSession(refOf(request, context));
      return documentMessage(await documents.acknowledge(pluginId, { revision, applied, message }));
    },

    endPluginSession: async (request, context) => pluginMessage(await plugins.endSession(refOf(request, context))),

    async recordMetrics(request, context) {
      const { pluginId, sessionId, points } = request;
      if (sessionId !== '') inSession(refOf(request, context));
      else {
        plugins.get(pluginId);
        plugins.assertOwner(pluginId, callOf(context).principal);
      }
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
