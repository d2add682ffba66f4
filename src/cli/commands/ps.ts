import type { Process } from '../../../gen/ts/sboxagent/v1/process.ts';
import { ListProcessesRequest } from '../../../gen/ts/sboxagent/v1/process_service.ts';
import { type Agent, unary, withAgent } from '../agent.ts';
import type { Handler } from '../command-spec.ts';
import { EXIT } from '../failure.ts';
import { processJson } from '../json-shape.ts';
import { print, styleOf } from '../output.ts';
import { processTable } from '../process-table.ts';

/** All processes, page by page: the agent bounds their number. */
async function listAll(agent: Agent): Promise<Process[]> {
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

export const ps: Handler = (context) =>
  withAgent(context, async (agent) => {
    const processes = await listAll(agent);
    const style = await styleOf(context);
    await print(context, processes.map(processJson), () => processTable(processes, context.io.clock.wallMs(), style));
    return EXIT.done;
  });
