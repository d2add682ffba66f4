import { scopes } from '../../kernel/principal.ts';
import type { CommandSpec, FlagSpec } from '../command-spec.ts';
import { rolloutCommandsOf } from './fleet-rollout.ts';
import { eventTypeFlag, logFlags, since } from './records.ts';

/** Which agents a command of the fleet means; without any of them it means all. */
export const selectorFlags: readonly FlagSpec[] = [
  { flags: '--agents <glob...>', summary: "only agents with such a name, e.g. 'eu-*'", completes: 'agent' },
  { flags: '--labels <selector>', summary: 'only agents whose labels match: region=eu,tier!=test, tier in (a,b), gpu, !gpu' },
];

const parallel: FlagSpec = { flags: '--parallel <count>', summary: 'how many are asked at once (default: 8)' };
const rolloutCommands = rolloutCommandsOf(selectorFlags);

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
      ...rolloutCommands,
      {
        name: 'events',
        summary: 'show the events of all agents from the stream of the fleet, in its order',
        flags: [
          { flags: '-f, --follow', summary: 'stay and show what comes' },
          ...selectorFlags,
          eventTypeFlag,
          since,
          { flags: '-n, --lines <count>', summary: 'that many of the last (default: 100; all with --since; none with -f)' },
        ],
        load: async () => (await import('../commands/fleet-events.ts')).fleetEvents,
      },
      {
        name: 'logs',
        summary: 'show what units and agents wrote, each line with its agent',
        args: '[id...]',
        completes: ['log-source'],
        flags: [...selectorFlags, ...logFlags, parallel],
        load: async () => (await import('../commands/fleet-logs.ts')).fleetLogs,
      },
      {
        name: 'alerts',
        summary: 'list the alerts of all agents, firing ones first, then the newest',
        flags: [...selectorFlags, { flags: '--firing', summary: 'only those that fire now' }, parallel],
        load: async () => (await import('../commands/fleet-alerts.ts')).fleetAlerts,
      },
      {
        name: 'call',
        summary: 'call a method at all agents that match: a line for each; 1 where one failed',
        args: '<method>',
        completes: ['method'],
        flags: [...selectorFlags, { flags: '-d, --data <json>', summary: 'the request; - reads it from stdin (default: {})' }, parallel],
        load: async () => (await import('../commands/fleet-call.ts')).fleetCall,
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
