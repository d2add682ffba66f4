/** FleetService: the agents of the fleet that this one belongs to. */
import { Health_Status } from '../../../gen/es/sboxagent/v1/agent_pb.js';
import { type FleetAgent, FleetAgentSchema } from '../../../gen/es/sboxagent/v1/fleet_pb.js';
import type { FleetService } from '../../../gen/es/sboxagent/v1/fleet_service_pb.js';
import { Process_State } from '../../../gen/es/sboxagent/v1/process_pb.js';
import type { FleetMember } from '../../fleet/index.ts';
import { invalid } from '../../kernel/errors.ts';
import type { Fields } from '../codec/fields.ts';
import { askedPage } from '../convert/page.ts';
import type { ServiceOf } from '../seam.ts';
import type { ServiceDeps } from './deps.ts';

export function fleetService({ fleet }: Pick<ServiceDeps, 'fleet'>): ServiceOf<typeof FleetService> {
  return {
    async listFleetAgents(request) {
      if (fleet === undefined) return { configured: false, reached: false };
      const { agents, labels } = request;
      const selected = fleet.select({ agents, labels });
      if (!selected.ok) throw invalid([{ field: selected.field, message: selected.problem, rule: 'selector' }]);
      const asked = askedPage(request, { list: 'fleet', said: [JSON.stringify([agents, labels])], cursor: 'string' });
      const { members, isReached } = await fleet.members();
      const kept = members.filter((member) => selected.selects(member) && (asked.after === undefined || member.name > asked.after));
      const shown = kept.slice(0, asked.size).map(agentMessage);
      const { page, nextPageToken } = asked.cut(shown, { schema: FleetAgentSchema, cursorOf: ({ name }) => name, total: kept.length });
      return { configured: true, reached: isReached, agents: page, nextPageToken };
    },
  };
}

function agentMessage(view: FleetMember): Fields<FleetAgent> & { readonly name: string } {
  const { alerts_firing: alertsFiring, last_revision: last, forwarded_revision: has, seenMs, units, health, ...rest } = view;
  return {
    ...{ ...rest, alertsFiring, eventsBehind: Math.max(0, last - has), lastSeenMs: seenMs },
    // Another version may know other words.
    health: numberOf(Health_Status, health),
    units: units.map(({ id, state }) => ({ id, state: numberOf(Process_State, state) })),
  };
}

function numberOf(names: Readonly<Record<string, string | number>>, name: string): number {
  const value = names[name];
  return typeof value === 'number' ? value : 0;
}
