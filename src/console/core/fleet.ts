import { type ReadonlySignal, signal } from '@preact/signals';
import type { FleetAgent } from '../../../gen/es/sboxagent/v1/fleet_pb.js';
import { type Deps, whileOpen } from './processes.ts';
import { every } from './time.ts';

export interface FleetPicture {
  readonly agents: readonly FleetAgent[];
  /** Else the list is what was known last. */
  readonly reached: boolean;
}

/** Whether the agent is in a fleet; false until it has said so. */
export type InFleet = ReadonlySignal<boolean>;

const everyMs = 60_000;
/** More agents than anybody reads on a page. */
const mostAgents = 5000;

export function watchInFleet({ session, clients }: Deps): InFleet {
  const inFleet = signal(false);
  whileOpen(session, (stop) => {
    const look = async (): Promise<void> => {
      inFleet.value = (await clients.fleet.listFleetAgents({ pageSize: 1 })).configured;
    };
    const turn = (): void => void look().catch(() => {});
    turn();
    stop.addEventListener('abort', every(everyMs, turn));
  });
  return inFleet;
}

/** All agents, for who looks at them. */
export async function readFleet({ fleet }: Deps['clients'], signal: AbortSignal): Promise<FleetPicture> {
  const agents: FleetAgent[] = [];
  let token = '';
  let reached = false;
  do {
    const page = await fleet.listFleetAgents({ pageSize: 1000, pageToken: token }, { signal });
    agents.push(...page.agents);
    [token, reached] = [page.nextPageToken, page.reached];
  } while (token !== '' && agents.length < mostAgents);
  return { agents, reached };
}
