import { scopes } from '../../kernel/principal.ts';
import type { CommandSpec } from '../command-spec.ts';

/** The daemon itself, and what it says of itself. */
export const agentCommands: readonly CommandSpec[] = [
  {
    name: 'serve',
    summary: 'run the daemon in the foreground',
    flags: [
      { flags: '--check-config', summary: 'read the configuration, say whether it is fit, and end' },
      { flags: '--print-config', summary: 'print the effective configuration, secrets masked, and end' },
    ],
  },
  {
    name: 'console',
    summary: 'open the console in a browser, with a token of its own that soon expires',
    flags: [
      { flags: '--scope <scopes...>', summary: 'what one may do there (default: read,operate); separated by commas', completes: scopes },
      { flags: '--ttl <duration>', summary: 'how long its token is good (default: 12h)' },
      { flags: '--no-open', summary: 'print the address, and open nothing' },
    ],
    load: async () => (await import('../commands/console.ts')).openConsole,
  },
  { name: 'doctor', summary: 'say what a start would find, each check with its verdict and the remedy' },
  {
    name: 'init',
    summary: 'write a first configuration for the engines that this machine has; a file that is there stays as it is',
    args: '[file]',
    completes: ['file'],
    flags: [{ flags: '--print', summary: 'show it and write nothing' }],
    load: async () => (await import('../commands/init.ts')).init,
  },
  {
    name: 'status',
    summary: 'show the agent: version, listeners, processes, journal, health',
    load: async () => (await import('../commands/status.ts')).status,
  },
];
