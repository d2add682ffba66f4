import type { AgentStatus } from '../../../gen/ts/sboxagent/v1/agent.ts';
import { GetStatusRequest } from '../../../gen/ts/sboxagent/v1/agent_service.ts';
import { formatSize } from '../../kernel/size.ts';
import { unary, withAgent } from '../agent.ts';
import type { Handler } from '../command-table.ts';
import { printable } from '../escape.ts';
import { EXIT } from '../failure.ts';
import { durationMs, statusJson } from '../json-shape.ts';
import { colours, print } from '../output.ts';
import { age } from '../process-table.ts';
import { type Colour, paint } from '../table.ts';

const healthColours: Partial<Record<AgentStatus['health'], Colour>> = { HEALTHY: 'green', DEGRADED: 'yellow', UNHEALTHY: 'red' };

function journalText(journal: AgentStatus['journal']): string {
  if (journal === undefined) return '';
  const { count, first_revision: first, last_revision: last, bytes } = journal;
  return count === 0 ? `no events (revision ${last})` : `${count} events, revisions ${first} to ${last}, ${formatSize(Math.round(bytes))}`;
}

function statusTable(status: AgentStatus, colour: boolean): string {
  const processes = Object.entries(status.processes).filter(([, n]) => n > 0);
  const rows: readonly (readonly [string, string])[] = [
    ['Name', status.name],
    ['Version', status.commit === '' ? status.version : `${status.version} (${status.commit.slice(0, 12)})`],
    ['Health', status.health],
    ['Up', status.uptime === undefined ? '' : `${age(durationMs(status.uptime))}, since ${status.start_time ?? '?'}`],
    ['Pid', String(status.pid)],
    ['Listens', status.listeners.join(', ')],
    ['Configuration', status.config_paths.join(', ') || 'built-in defaults'],
    ['Processes', processes.map(([state, n]) => `${n} ${state}`).join(', ') || 'none'],
    ['Journal', journalText(status.journal)],
    ['Clients', `${status.connections} connections, ${status.streams} streams, ${status.watchers} watchers`],
  ];
  const line = ([name, value]: readonly [string, string]): string => {
    const shown = printable(value) || '-';
    return `${name.padEnd(14)} ${name === 'Health' ? paint(shown, healthColours[status.health], colour) : shown}\n`;
  };
  return rows.map(line).join('');
}

export const status: Handler = (context) =>
  withAgent(context, async (agent) => {
    const answer = await unary(agent, agent.agents.getStatus.bind(agent.agents), GetStatusRequest.create());
    const colour = await colours(context);
    await print(context, statusJson(answer), () => statusTable(answer, colour));
    return EXIT.done;
  });
