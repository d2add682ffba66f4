import { scopes } from '../../kernel/principal.ts';
import type { CommandSpec } from '../command-spec.ts';

/** Tokens, which work on the state directory itself. */
export const tokenCommands: readonly CommandSpec[] = [
  {
    name: 'token',
    summary: 'make, list and revoke tokens in the state directory, whether the daemon runs or not',
    subcommands: [
      {
        name: 'create',
        summary: 'make a token and show it, this once',
        flags: [
          {
            flags: '--scope <scopes...>',
            summary: 'what it may do: read, events:write, operate, config:write, admin; separated by commas',
            completes: scopes,
          },
          {
            flags: '--replaces <id>',
            summary: 'take the place of this token: its plugins, and its name and scopes unless given',
            completes: 'token',
          },
          { flags: '--ttl <duration>', summary: 'how long it is good, e.g. 30d (default: until it is revoked)' },
          { flags: '--name <name>', summary: 'who uses it: the default source of events published with it' },
        ],
        load: async () => (await import('../commands/token.ts')).createCommand,
      },
      {
        name: 'list',
        summary: 'list the tokens, without their secrets',
        load: async () => (await import('../commands/token.ts')).listCommand,
      },
      {
        name: 'revoke',
        summary: 'end a token and its streams at once',
        args: '<id>',
        completes: ['token'],
        load: async () => (await import('../commands/token.ts')).revokeCommand,
      },
    ],
  },
];
