import type { CommandSpec } from './command-spec.ts';
import { agentCommands } from './specs/agent.ts';
import { alertCommands } from './specs/alerts.ts';
import { auditCommands } from './specs/audit.ts';
import { configCommands } from './specs/config.ts';
import { fleetCommands } from './specs/fleet.ts';
import { pluginCommands } from './specs/plugins.ts';
import { processConfigCommands } from './specs/process-config.ts';
import { processCommands } from './specs/processes.ts';
import { recordCommands } from './specs/records.ts';
import { tokenCommands } from './specs/tokens.ts';
import { toolCommands } from './specs/tools.ts';

/**
 * Every command of the program, in the order of --help. --help, the parser and completion are made from it. A new command is a row in
 * one of the files in specs/, or a file of its own there.
 */
export const commands: readonly CommandSpec[] = [
  ...agentCommands,
  ...processCommands,
  ...processConfigCommands,
  ...recordCommands,
  ...configCommands,
  ...pluginCommands,
  ...alertCommands,
  ...tokenCommands,
  ...auditCommands,
  ...fleetCommands,
  ...toolCommands,
];
