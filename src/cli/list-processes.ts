import type { Process } from '../../gen/ts/sboxagent/v1/process.ts';
import { ListProcessesRequest } from '../../gen/ts/sboxagent/v1/process_service.ts';
import { type Agent, unary } from './agent.ts';

/** All processes, page by page: the agent bounds their number. */
export async function listProcesses(agent: Agent): Promise<Process[]> {
  const all: Process[] = [];
  let token = '';
  do {
    const request = ListProcessesRequest.fromPartial({ page_size: 1000, page_token: token });
    const page = await unary(agent, agent.processes.listProcesses.bind(agent.processes), request);
    all.push(...page.processes);
    token = page.next_page_token;
  } while (token !== '');
  return all;
}
