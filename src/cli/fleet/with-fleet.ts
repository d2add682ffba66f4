import type { FleetClient, FleetMember } from '../../fleet/client.ts';
import { type AgentSelector, compileSelector, type Selects } from '../../fleet/selector.ts';
import { timeoutOf } from '../agent.ts';
import type { Flags } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { list, text } from '../flags.ts';
import { fleetSettings } from './place.ts';

/** Runs `use` with the servers of the configured fleet and leaves them; what is lasting connects again for as long as it takes. Throws Failure. */
export async function withFleet<T>(context: Context, use: (client: FleetClient) => Promise<T>, { lasting = false } = {}): Promise<T> {
  const settings = await fleetSettings(context);
  const timeoutMs = await timeoutOf(context);
  const { isOfServers, openFleetClient } = await import('../../fleet/client.ts');
  const unreachable = (what: string, error: unknown, remedy: string): Failure =>
    new Failure(EXIT.unreachable, `${what}: ${error instanceof Error ? error.message : String(error)}`, { remedy });
  let client: FleetClient;
  try {
    client = await openFleetClient(settings, context.io.clock, { lasting, timeoutMs });
  } catch (error) {
    const remedy = 'See that the servers of fleet.servers run and that its credentials are theirs.';
    throw unreachable('no server of the fleet is reached', error, remedy);
  }
  try {
    return await use(client);
  } catch (error) {
    if (!isOfServers(error)) throw error;
    const remedy = 'See that JetStream is on there, that an agent with fleet.prefix has joined, and that the permissions allow it.';
    throw unreachable('the servers of the fleet do not give what is asked for', error, remedy);
  } finally {
    await client.close();
  }
}

/** What --agents and --labels ask for. */
export function selectorOf(flags: Flags): AgentSelector {
  return { agents: list(flags, 'agents'), labels: text(flags, 'labels') ?? '' };
}

/** Throws Failure where they are no selector. */
export function selects(flags: Flags): Selects {
  const compiled = compileSelector(selectorOf(flags));
  if (!compiled.ok) throw usage(compiled.problem);
  return compiled.selects;
}

/** The agents that --agents and --labels choose, by name. Throws Failure. */
export async function selectedMembers(client: FleetClient, flags: Flags): Promise<readonly FleetMember[]> {
  const chosen = selects(flags);
  return (await client.members()).filter(chosen);
}
