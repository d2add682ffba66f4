import { type Entries, put } from './entries.ts';
import { overrides } from './environment.ts';
import { configFiles, readFiles } from './files.ts';
import { fillIn } from './fill-in.ts';
import type { LoadOptions } from './load.ts';
import { gatherProblems } from './problems.ts';
import { readTree } from './reading.ts';
import type { Units } from './units.ts';

export interface AgentPlace {
  readonly stateDir: string;
  readonly socketPath: string;
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
  const entries: Entries = new Map();
  const units: Units = new Map();
  for (const tree of readFiles(paths, options.texts, problems)) readTree(tree, { entries, units, problems });
  for (const { path, ...given } of overrides(options.env, units, problems)) {
    problems.attempt(() => put(entries, path, { ...given, directory: options.cwd }));
  }
  const said = options.stateDir !== undefined || entries.has('agent.state_dir');
  if (problems.touches(wanted) || (problems.has('syntax') && !said)) problems.settle(paths);
  fillIn(entries, options);
  const text = (path: string): string => String(entries.get(path)?.value);
  return { stateDir: text('agent.state_dir'), socketPath: text('api.unix_socket.path') };
}
