/** AgentService: is the agent well, what is it doing. */
import type { AgentService } from '../../../gen/es/sboxagent/v1/agent_service_pb.js';
import { may } from '../../kernel/principal.ts';
import type { ProcessView } from '../../processes/types.ts';
import { callOf } from '../calls.ts';
import type { ServiceOf } from '../seam.ts';
import type { ServiceDeps } from './deps.ts';

function countByState(processes: readonly ProcessView[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state } of processes) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

type Deps = Pick<ServiceDeps, 'health' | 'status' | 'journal' | 'supervisor'>;

export function agentService({ health, status, journal, supervisor }: Deps): ServiceOf<typeof AgentService> {
  return {
    getHealth(_request, context) {
      const snapshot = health.snapshot();
      // For who may not read the word, and nothing from which more could be told.
      return may(callOf(context).principal, 'read') ? snapshot : { status: snapshot.status };
    },

    getStatus(_request, context) {
      const { id, name, scopes } = callOf(context).principal;
      return {
        ...status(),
        journal: journal.stats(),
        watchers: journal.watchers(),
        processes: countByState(supervisor.list()),
        health: health.status(),
        caller: { id, name, scopes: [...scopes] },
      };
    },
  };
}
