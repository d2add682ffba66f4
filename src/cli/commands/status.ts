import type { AgentStatus, Health } from '../../../gen/ts/sboxagent/v1/agent.ts';
import { GetHealthRequest, GetStatusRequest } from '../../../gen/ts/sboxagent/v1/agent_service.ts';
import { formatSize } from '../../kernel/size.ts';
import { unary, withAgent } from '../agent.ts';
import type { Handler } from '../command-spec.ts';
import { EXIT } from '../failure.ts';
import { durationMs, statusJson } from '../json-shape.ts';
import { print, styleOf } from '../output.ts';
import { age } from '../process-table.ts';
import { type Colour, card, type Style } from '../table.ts';

const healthColours: Partial<Record<AgentStatus['health'], Colour>> = { HEALTHY: 'green', DEGRADED: 'yellow', UNHEALTHY: 'red' };

function journalText(journal: AgentStatus['journal']): string {
  if (journal === undefined) return '';
  const { count, first_revision: first, last_revision: last, bytes } = journal;
  return count === 0 ? `no events (revision ${last})` : `${count} events, revisions ${first} to ${last}, ${formatSize(Math.round(bytes))}`;
}

/** Why it is not well: each component that is not. */
function troubles(health: Health | undefined): string {
  return (health?.components ?? [])
    .filter(({ status }) => status !== 'HEALTHY')
    .map(({ name, status, message }) => `\n${name.padEnd(12)} ${status}: ${message}`)
    .join('');
}

function statusTable(status: AgentStatus, health: Health | undefined, style: Style): string {
  const processes = Object.entries(status.processes).filter(([, n]) => n > 0);
  const rows: Parameters<typeof card>[0] = [
    ['Name', status.name],
    ['Version', status.commit === '' ? status.version : `${status.version} (${status.commit.slice(0, 12)})`],
    ['Health', `${status.health}${troubles(health)}`, healthColours[status.health]],
    ['Up', status.uptime === undefined ? '' : `${age(durationMs(status.uptime))}, since ${status.start_time ?? '?'}`],
    ['Pid', String(status.pid)],
    ['Listens', status.listeners.join(', ')],
    ['Configuration', status.config_paths.join(', ') || 'built-in defaults'],
    ['Processes', processes.map(([state, n]) => `${n} ${state}`).join(', ') || 'none'],
    ['Journal', journalText(status.journal)],
    ['Clients', `connections ${status.connections}, streams ${status.streams}, watchers ${status.watchers}`],
  ];
  return card(rows, style);
}

export const status: Handler = (context) =>
  withAgent(context, async (agent) => {
    const answer = await unary(agent, agent.agents.getStatus.bind(agent.agents), GetStatusRequest.create());
    const health =
      answer.health === 'HEALTHY' ? undefined : await unary(agent, agent.agents.getHealth.bind(agent.agents), GetHealthRequest.create());
    const style = await styleOf(context);
    await print(context, statusJson(answer), () => statusTable(answer, health, style));
    return EXIT.done;
  });
