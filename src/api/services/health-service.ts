/** grpc.health.v1: the agent (""), its components and its services, for probes and load balancers. */
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { type Health, HealthCheckResponse_ServingStatus as ServingStatus } from '../../../gen/es/grpc/health/v1/health_pb.js';
import { AgentError } from '../../kernel/errors.ts';
import { may } from '../../kernel/principal.ts';
import { callOf, callSignal, endingOf } from '../calls.ts';
import type { HealthBoard, HealthSnapshot, HealthStatus } from '../health.ts';

export interface HealthServiceDeps {
  readonly health: HealthBoard;
  /** Full names of the services that are served: each is as well as the agent. */
  readonly services: readonly string[];
}

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

/** The status now, then whenever it changes. Only the newest waits for a slow reader. */
async function* follow(health: HealthBoard, read: () => ServingStatus, signal: AbortSignal): AsyncGenerator<ServingStatus> {
  let wake: () => void = () => {};
  const stop = health.onChange(() => wake());
  const abort = (): void => wake();
  signal.addEventListener('abort', abort, { once: true });
  let told: ServingStatus | undefined;
  try {
    while (!signal.aborted) {
      const status = read();
      if (status === told) {
        await new Promise<void>((resolve) => (wake = resolve));
      } else {
        told = status;
        yield status;
      }
    }
  } finally {
    stop();
    signal.removeEventListener('abort', abort);
  }
}

export function healthService({ health, services }: HealthServiceDeps): ServiceImpl<typeof Health> {
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

    async *watch({ service }, context) {
      const signal = callSignal(context);
      const read = (): ServingStatus => statusOf(service, health.snapshot(), services) ?? ServingStatus.SERVICE_UNKNOWN;
      for await (const status of follow(health, read, signal)) yield { status };
      const ending = endingOf(signal);
      if (ending !== undefined) throw ending;
    },
  };
}
