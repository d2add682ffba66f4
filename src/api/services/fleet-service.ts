/** FleetService: the agents of the fleet that this one belongs to. */
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { Health_Status } from '../../../gen/es/sboxagent/v1/agent_pb.js';
import { type FleetAgent, FleetAgent_State, FleetAgentSchema } from '../../../gen/es/sboxagent/v1/fleet_pb.js';
import type { FleetService } from '../../../gen/es/sboxagent/v1/fleet_service_pb.js';
import { Process_State } from '../../../gen/es/sboxagent/v1/process_pb.js';
import { invalid } from '../../kernel/errors.ts';
import { pageBinding, pageSize, pageToken, readPageToken, withinPage } from '../convert/page.ts';

/** An agent as the fleet knows it. */
export interface FleetAgentView {
  readonly name: string;
  readonly state: 'UP' | 'LEFT' | 'GONE';
  readonly version: string;
  readonly health: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly units: readonly { readonly id: string; readonly state: string }[];
  readonly alerts_firing: number;
  readonly last_revision: number;
  readonly forwarded_revision: number;
  readonly seenMs: number;
}

type Selected =
  | { readonly ok: true; readonly selects: (agent: Pick<FleetAgentView, 'name' | 'labels'>) => boolean }
  | { readonly ok: false; readonly problem: string };

/** What the API needs of the fleet, whose room is loaded only where there is one. */
export interface FleetSource {
  list(): Promise<{ readonly members: readonly FleetAgentView[]; readonly isReached: boolean }>;
  select(selector: { readonly agents: readonly string[]; readonly labels: string }): Selected;
}

export function fleetService({ fleet }: { readonly fleet: FleetSource | undefined }): ServiceImpl<typeof FleetService> {
  return {
    async listFleetAgents({ agents: globs, labels, pageSize: size, pageToken: token }) {
      if (fleet === undefined) return { configured: false, reached: false };
      const selected = fleet.select({ agents: globs, labels });
      if (!selected.ok) throw invalid([{ field: 'labels', message: selected.problem, rule: 'selector' }]);
      const binding = pageBinding('fleet', JSON.stringify([globs, labels]));
      const after = readPageToken(token, binding, 'string');
      const { members, isReached } = await fleet.list();
      const kept = members.filter((member) => selected.selects(member) && (after === undefined || member.name > after));
      const agents = withinPage(FleetAgentSchema, kept.slice(0, pageSize(size)).map(agentMessage));
      const nextPageToken = pageToken(binding, agents.length < kept.length ? agents.at(-1)?.name : undefined);
      return { agents, nextPageToken, configured: true, reached: isReached };
    },
  };
}

function agentMessage(view: FleetAgentView): FleetAgent {
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
