/** AgentService: is the agent well, what is it doing. */
import type { ServiceImpl } from '@connectrpc/connect';
import type { AgentService } from '../../../gen/es/sboxagent/v1/agent_service_pb.js';
import type { Journal } from '../../events/types.ts';
import { may } from '../../kernel/principal.ts';
import type { Supervisor } from '../../processes/types.ts';
import { callOf } from '../calls.ts';
import { healthMessage, statusMessage } from '../convert/agent.ts';
import type { HealthBoard, StatusSource } from '../health.ts';

export interface AgentServiceDeps {
  readonly health: HealthBoard;
  readonly status: StatusSource;
  readonly journal: Pick<Journal, 'stats' | 'watchers'>;
  readonly supervisor: Pick<Supervisor, 'list'>;
}

export function agentService({ health, status, journal, supervisor }: AgentServiceDeps): ServiceImpl<typeof AgentService> {
  return {
    getHealth: (_request, context) => healthMessage(health.snapshot(), may(callOf(context).principal, 'read')),

    getStatus: (_request, context) =>
      statusMessage({
        status: status(),
        journal: journal.stats(),
        watchers: journal.watchers(),
        processes: supervisor.list(),
        health: health.status(),
        caller: callOf(context).principal,
      }),
  };
}
