import { GetProcessRequest } from '../../../gen/ts/sboxagent/v1/process_service.ts';
import { unary, withAgent } from '../agent.ts';
import type { Handler } from '../command-spec.ts';
import { EXIT } from '../failure.ts';
import { processJson } from '../json-shape.ts';
import { listProcesses } from '../list-processes.ts';
import { print, styleOf } from '../output.ts';
import { processTable } from '../process-table.ts';

/** All processes, or those that are named; a name that nothing has is refused. */
export const ps: Handler = (context, ids) =>
  withAgent(context, async (agent) => {
    const get = agent.processes.getProcess.bind(agent.processes);
    const named = ids.map((id) => unary(agent, get, GetProcessRequest.fromPartial({ id })));
    const processes = ids.length === 0 ? await listProcesses(agent) : await Promise.all(named);
    const style = await styleOf(context);
    await print(context, processes.map(processJson), () => processTable(processes, context.io.clock.wallMs(), style));
    return EXIT.done;
  });
