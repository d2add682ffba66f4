import { withAgent } from '../agent.ts';
import type { Handler } from '../command-spec.ts';
import { EXIT } from '../failure.ts';
import { processJson } from '../json-shape.ts';
import { listProcesses } from '../list-processes.ts';
import { print, styleOf } from '../output.ts';
import { processTable } from '../process-table.ts';

export const ps: Handler = (context) =>
  withAgent(context, async (agent) => {
    const processes = await listProcesses(agent);
    const style = await styleOf(context);
    await print(context, processes.map(processJson), () => processTable(processes, context.io.clock.wallMs(), style));
    return EXIT.done;
  });
