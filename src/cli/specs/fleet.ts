import { scopes } from '../../kernel/principal.ts';
import type { CommandSpec, FlagSpec } from '../command-spec.ts';

/** Which agents a command of the fleet means; without any of them it means all. */
export const selectorFlags: readonly FlagSpec[] = [
  { flags: '--agents <glob...>', summary: "only agents with such a name, e.g. 'eu-*'" },
  { flags: '--labels <selector>', summary: 'only agents whose labels match: region=eu,tier!=test, tier in (a,b), gpu, !gpu' },
];

/** The agents of a fleet. What asks one agent is every other command, with --agent. */
export const fleetCommands: readonly CommandSpec[] = [
  {
    name: 'fleet',
    summary: 'see the agents of a fleet over NATS; --agent NAME before any other command asks one of them',
    subcommands: [
      {
        name: 'ls',
        summary: 'list the agents: who is there, how it is, how far its events have come',
        flags: selectorFlags,
        load: async () => (await import('../commands/fleet.ts')).listCommand,
      },
      {
        name: 'ps',
        summary: 'list the units of all agents as they last said it',
        flags: selectorFlags,
        load: async () => (await import('../commands/fleet.ts')).unitsCommand,
      },
      {
        name: 'key',
        summary: 'make a key that signs calls: the private half into a new file, the public half for fleet.keys of the agents',
        args: '<file>',
        completes: ['file'],
        flags: [
          { flags: '--name <name>', summary: 'who uses it (default: ops)' },
          { flags: '--scope <scopes...>', summary: 'what it may do at the agents, separated by commas (default: read)', completes: scopes },
        ],
        load: async () => (await import('../commands/fleet.ts')).keyCommand,
      },
    ],
  },
];
