import { type ReadonlySignal, signal } from '@preact/signals';
import type { FleetAgent } from '../../../gen/es/sboxagent/v1/fleet_pb.js';
import { type Deps, whileOpen } from './processes.ts';
import { every } from './time.ts';

export interface FleetView {
  readonly agents: readonly FleetAgent[];
  /** Else the list is what was known last. */
  readonly reached: boolean;
}

export interface Fleet {
  /** undefined: the agent is in no fleet, or has not answered yet. */
  readonly view: ReadonlySignal<FleetView | undefined>;
}

const everyMs = 5000;
/** More agents than anybody reads on a page. */
const mostAgents = 5000;

export function createFleet({ session, clients }: Deps): Fleet {
  const view = signal<FleetView | undefined>(undefined);
  let isConfigured = true;
  const read = async (): Promise<void> => {
    if (!isConfigured) return;
    const agents: FleetAgent[] = [];
    let token = '';
    let reached = false;
    do {
      const page = await clients.fleet.listFleetAgents({ pageSize: 1000, pageToken: token });
      // It takes effect with a restart of the agent: this page notices with its next reload.
      isConfigured = page.configured;
      agents.push(...page.agents);
      [token, reached] = [page.nextPageToken, page.reached];
    } while (token !== '' && agents.length < mostAgents);
    view.value = isConfigured ? { agents, reached } : undefined;
  };
  whileOpen(session, (stop) => {
    isConfigured = true;
    const turn = (): void => void read().catch(() => {});
    turn();
    stop.addEventListener('abort', every(everyMs, turn));
  });
  return { view };
}
