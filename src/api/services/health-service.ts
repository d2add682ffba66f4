/** grpc.health.v1: the agent (""), its components and its services, for probes and load balancers. */
import type { HandlerContext } from '@connectrpc/connect';
import { type Health, HealthCheckResponse_ServingStatus as ServingStatus } from '../../../gen/es/grpc/health/v1/health_pb.js';
import { AgentError } from '../../kernel/errors.ts';
import { feedMapping, mapFeed } from '../../kernel/feed.ts';
import { may } from '../../kernel/principal.ts';
import { newestFeed } from '../../kernel/state-feed.ts';
import { callOf } from '../calls.ts';
import type { HealthSnapshot, HealthStatus } from '../health.ts';
import type { ServiceOf } from '../seam.ts';
import type { ServiceDeps } from './deps.ts';
import { fedStream } from './fed-stream.ts';

function serving(status: HealthStatus): ServingStatus {
  return status === 'UNHEALTHY' ? ServingStatus.NOT_SERVING : ServingStatus.SERVING;
}

/** Undefined for a name that nothing has. */
function statusOf(name: string, snapshot: HealthSnapshot, services: readonly string[]): ServingStatus | undefined {
  if (name === '' || services.includes(name)) return serving(snapshot.status);
  const component = snapshot.components.find((candidate) => candidate.name === name);
  return component === undefined ? undefined : serving(component.status);
}

function demandRead(context: HandlerContext): void {
  const { principal } = callOf(context);
  if (may(principal, 'read')) return;
  if (principal.id === 'anonymous') throw new AgentError('TOKEN_MISSING', 'the health of a named service needs a token with scope read');
  throw new AgentError('SCOPE_MISSING', `token ${principal.id} has no scope read`, { metadata: { scope: 'read' } });
}

const messages = feedMapping((status: ServingStatus) => ({ status }));

/** `services`: full names of those that are served; each is as well as the agent. */
export function healthService({ health }: Pick<ServiceDeps, 'health'>, services: readonly string[]): ServiceOf<typeof Health> {
  return {
    check({ service }, context) {
      if (service !== '') demandRead(context);
      const status = statusOf(service, health.snapshot(), services);
      if (status === undefined) {
        throw new AgentError('HEALTH_SERVICE_UNKNOWN', `nothing here is called ${JSON.stringify(service)}`, { metadata: { service } });
      }
      return { status };
    },

    list() {
      const snapshot = health.snapshot();
      const names = ['', ...services, ...snapshot.components.map(({ name }) => name)];
      return {
        statuses: Object.fromEntries(names.map((name) => [name, { status: statusOf(name, snapshot, services) ?? ServingStatus.UNKNOWN }])),
      };
    },

    watch({ service }, context) {
      const read = (): ServingStatus => statusOf(service, health.snapshot(), services) ?? ServingStatus.SERVICE_UNKNOWN;
      const newest = newestFeed(read, (fn) => health.onChange(fn));
      return fedStream(mapFeed(newest, messages), context);
    },
  };
}
