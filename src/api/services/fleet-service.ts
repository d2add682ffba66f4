/** FleetService: the agents of the fleet that this one belongs to. */
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { Health_Status } from '../../../gen/es/sboxagent/v1/agent_pb.js';
import { type FleetAgent, FleetAgent_State, FleetAgentSchema } from '../../../gen/es/sboxagent/v1/fleet_pb.js';
import type { FleetService } from '../../../gen/es/sboxagent/v1/fleet_service_pb.js';
import { Process_State } from '../../../gen/es/sboxagent/v1/process_pb.js';
import type { Fleet, FleetMember } from '../../fleet/index.ts';
import { invalid } from '../../kernel/errors.ts';
import { pageBinding, pageSize, pageToken, readPageToken, withinPage } from '../convert/page.ts';

/** What the API needs of the fleet, whose room is loaded only where there is one. */
export type FleetSource = Pick<Fleet, 'members' | 'select'>;

export function fleetService({ fleet }: { readonly fleet: FleetSource | undefined }): ServiceImpl<typeof FleetService> {
  return {
    async listFleetAgents({ agents: globs, labels, pageSize: size, pageToken: token }) {
      if (fleet === undefined) return { configured: false, reached: false };
      const selected = fleet.select({ agents: globs, labels });
      if (!selected.ok) throw invalid([{ field: selected.field, message: selected.problem, rule: 'selector' }]);
      const binding = pageBinding('fleet', JSON.stringify([globs, labels]));
      const after = readPageToken(token, binding, 'string');
      const { members, isReached } = await fleet.members();
      const kept = members.filter((member) => selected.selects(member) && (after === undefined || member.name > after));
      const agents = withinPage(FleetAgentSchema, kept.slice(0, pageSize(size)).map(agentMessage));
      const nextPageToken = pageToken(binding, agents.length < kept.length ? agents.at(-1)?.name : undefined);
      return { agents, nextPageToken, configured: true, reached: isReached };
    },
  };
}

function agentMessage(view: FleetMember): FleetAgent {
  const { name, state, version, health, labels, units, alerts_firing: alertsFiring, last_revision: last, forwarded_revision: has } = view;
  return create(FleetAgentSchema, {
    ...{ name, version, labels, alertsFiring },
    state: FleetAgent_State[state],
    // Another version may know other words.
    health: numberOf(Health_Status, health),
    units: units.map((unit) => ({ id: unit.id, state: numberOf(Process_State, unit.state) })),
    eventsBehind: Math.max(0, last - has),
    lastSeen: timestampFromMs(view.seenMs),
  });
}

function numberOf(names: Readonly<Record<string, string | number>>, name: string): number {
  const value = names[name];
  return typeof value === 'number' ? value : 0;
}
