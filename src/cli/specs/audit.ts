import type { CommandSpec } from '../command-spec.ts';

/** Who did what. */
export const auditCommands: readonly CommandSpec[] = [
  {
    name: 'audit',
    summary: 'show who did what, and verify that nobody changed it afterwards',
    subcommands: [
      {
        name: 'list',
        summary: 'list the entries, oldest first',
        flags: [
          { flags: '--who <id...>', summary: 'only of these callers', completes: 'token' },
          { flags: '--method <glob...>', summary: 'only of these methods, e.g. StartProcess or token.*' },
          { flags: '--about <id...>', summary: 'only about these processes, plugins, alerts or tokens', completes: 'process' },
          { flags: '--code <code...>', summary: 'only those that ended so, e.g. PERMISSION_DENIED' },
          { flags: '--since <duration>', summary: 'not older than this, e.g. 10m' },
          { flags: '-n, --lines <count>', summary: 'that many of the last (default: 100)' },
        ],
        load: async () => (await import('../commands/audit.ts')).list,
      },
      {
        name: 'verify',
        summary: 'look at the whole chain in the state directory, daemon running or not; 1 where it is broken',
        flags: [
          { flags: '--known <sequence:hash>', summary: 'what an earlier verify printed: then a chain that was written anew shows too' },
        ],
        load: async () => (await import('../commands/audit.ts')).verify,
      },
    ],
    load: async () => (await import('../commands/audit.ts')).list,
  },
];
