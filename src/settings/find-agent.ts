import { configFiles } from './files.ts';
import { fillIn } from './fill-in.ts';
import type { LoadOptions } from './load.ts';
import { gatherProblems } from './problems.ts';
import { readSources } from './reading.ts';

export interface AgentPlace {
  readonly stateDir: string;
  readonly socketPath: string;
  /** What may lie in its state directory beside its own files: the configuration and sockets. */
  readonly expected: readonly string[];
}

const wanted = ['agent.state_dir', 'api.unix_socket.path'];

/**
 * Where the daemon of a configuration keeps its state and its socket. What else is wrong with the configuration is no matter here:
 * the agent that runs has the old one in force, and its client must reach it then above all.
 * @throws RefusedError where the files or these two keys cannot be read, and nothing above them says otherwise.
 */
export function findAgent(options: LoadOptions): AgentPlace {
  const paths = configFiles(options);
  const problems = gatherProblems();
  const { entries } = readSources(paths, options, problems);
  const said = options.stateDir !== undefined || entries.has('agent.state_dir');
  if (problems.touches(wanted) || (problems.has('syntax') && !said)) problems.settle(paths);
  fillIn(entries, options);
  const text = (path: string): string => String(entries.get(path)?.value);
  const socketPath = text('api.unix_socket.path');
  return { stateDir: text('agent.state_dir'), socketPath, expected: [...paths, socketPath, text('sboxmgr.socket.path')] };
}
