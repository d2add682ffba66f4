/** PluginSessionService: what plugins themselves call. */
import type { HandlerContext } from '@connectrpc/connect';
import { Health_Status } from '../../../gen/es/sboxagent/v1/agent_pb.js';
import {
  type PluginSessionService,
  type RecordMetricsRequest_Point,
  RecordMetricsRequest_Point_Kind,
} from '../../../gen/es/sboxagent/v1/plugin_session_service_pb.js';
import { AgentError } from '../../kernel/errors.ts';
import type { Feed, FeedReader } from '../../kernel/feed.ts';
import { newestFeed } from '../../kernel/state-feed.ts';
import type { HealthStatus, SessionRef } from '../../plugins/types.ts';
import type { CustomPoint, CustomRefusal } from '../../telemetry/types.ts';
import { callOf } from '../calls.ts';
import { healthDataOf, registrationOf } from '../convert/plugin.ts';
import type { ServiceOf } from '../seam.ts';
import type { ServiceDeps } from './deps.ts';
import { fedStream } from './fed-stream.ts';

const pointKinds: Readonly<Record<number, CustomPoint['kind']>> = {
  [RecordMetricsRequest_Point_Kind.COUNTER]: 'COUNTER',
  [RecordMetricsRequest_Point_Kind.GAUGE]: 'GAUGE',
  [RecordMetricsRequest_Point_Kind.HISTOGRAM]: 'HISTOGRAM',
};

function pointOf({ name, kind, value, labels, unit }: RecordMetricsRequest_Point): CustomPoint | undefined {
  const known = pointKinds[kind];
  return known === undefined ? undefined : { name, kind: known, value, labels, unit };
}

const kindless: CustomRefusal = { reason: 'KIND_CHANGED', message: 'a point needs a kind: COUNTER, GAUGE or HISTOGRAM' };

function healthWord(status: Health_Status): HealthStatus {
  if (status === Health_Status.HEALTHY) return 'HEALTHY';
  return status === Health_Status.DEGRADED ? 'DEGRADED' : 'UNHEALTHY';
}

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

type Deps = Pick<ServiceDeps, 'plugins' | 'custom' | 'api'>;

export function pluginSessionService({ plugins, custom, api }: Deps): ServiceOf<typeof PluginSessionService> {
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
      const { plugin, sessionId, leaseMs } = await plugins.register(
        registrationOf(request, api().limits.jsonDepth),
        callOf(context).principal,
      );
      return { plugin, sessionId, leaseMs, config: documents.unmasked(plugin.id) };
    },

    renewPluginLease: (request, context) => ({ leaseExpireTimeMs: plugins.renew(refOf(request, context)) }),

    reportPluginHealth(request, context) {
      const { status, message, data } = request;
      const report = { status: healthWord(status), message, data: healthDataOf(data, api().limits.jsonDepth) };
      return plugins.report(refOf(request, context), report);
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
      return fedStream(feed, context);
    },

    ackPluginConfig(request, context) {
      const { pluginId, revision, applied, message } = request;
      inSession(refOf(request, context));
      return documents.acknowledge(pluginId, { revision, applied, message });
    },

    endPluginSession: (request, context) => plugins.endSession(refOf(request, context)),

    async recordMetrics(request, context) {
      const { pluginId, sessionId, points } = request;
      if (sessionId !== '') inSession(refOf(request, context));
      else {
        plugins.get(pluginId);
        plugins.assertOwner(pluginId, callOf(context).principal);
      }
      const known = points.map(pointOf);
      const verdicts = custom
        .record(
          known.filter((point) => point !== undefined),
          { plugin: pluginId },
        )
        .values();
      const rejected = known.flatMap((point, index) => {
        const verdict = point === undefined ? kindless : verdicts.next().value;
        return verdict === undefined ? [] : [{ index, ...verdict }];
      });
      return { accepted: points.length - rejected.length, rejected };
    },
  };
}
