import { GetProcessRequest } from '../../gen/ts/sboxagent/v1/process_service.ts';
import { type Agent, unary } from './agent.ts';

/** What is waited for, with the state that the process is in: `stopping edge: STOPPING`. */
export function processProgress(agent: Agent, doing: string, id: string): () => Promise<string> {
  return async () => {
    const { state } = await unary(agent, agent.processes.getProcess.bind(agent.processes), GetProcessRequest.fromPartial({ id }));
    return `${doing} ${id}: ${state}`;
  };
}
